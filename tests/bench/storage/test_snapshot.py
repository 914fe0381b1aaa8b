"""What makes results stale: edits of code that can change a number, and of no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.config.request import Request
from bench.storage import snapshot
from bench.storage.store import Store
from bench.study.prepare import prepare

PRINT_MODULES = """
import json, sys
from pathlib import Path
from bench.cell import main
from bench.storage.snapshot import PACKAGES, ROOT
assert main() == 0
own = [each.__file__ for name, each in sys.modules.items() if name.split(".")[0] in PACKAGES]
print(json.dumps(sorted(str(Path(file).relative_to(ROOT)) for file in own if file)))
"""


def test_every_module_that_trains_counts_or_is_known_to_change_no_number(
    drawn: list[str], tmp_path: Path, environment: dict[str, str]
) -> None:
    plan = prepare(Request.parse([*drawn, "recipe.epochs=1", f"store={tmp_path / 'runs'}"]))
    plan.write("test")
    words = [f"store={tmp_path / 'runs'}", f"id={plan.cells[0].id}", "threads=1"]
    done = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES, *words], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert Store(tmp_path / "runs").cell(plan.cells[0].id).done
    modules = [Path(name) for name in json.loads(done.stdout.splitlines()[-1])]
    assert Path("bench/training/train.py") in modules
    known = (*snapshot.TRAINING, *snapshot.HARMLESS)
    assert [path for path in modules if not snapshot.lies_in(path, known)] == []


def test_parts_that_count_and_parts_that_do_not_are_where_they_are_said_to_be() -> None:
    for part in (*snapshot.TRAINING, *snapshot.HARMLESS):
        assert (snapshot.ROOT / part).exists(), f"{part} was moved"


@pytest.mark.parametrize(
    ("edited", "stale"),
    [
        ("bench/training/evaluate.py", True),
        ("bench/data/a_new_file.py", True),
        ("bench/config/schema.py", True),
        ("bench/storage/metrics.py", True),
        ("fianet/vocabulary/vocab.txt", True),
        ("bench/data/scored_scenes.py", False),
        ("bench/config/help.py", False),
        ("bench/inference/predictor.py", False),
        ("bench/launch/slurm.py", False),
        ("reports/build.py", False),
        ("experiments/ablation/fiam.yaml", False),
    ],
)
def test_code_is_stale_after_edits_that_can_change_a_number(edited: str, stale: bool, tmp_path: Path) -> None:
    (tmp_path / edited).parent.mkdir(parents=True)
    (tmp_path / edited).write_text("one")
    before, whole = snapshot.digest(tmp_path), snapshot.digest(tmp_path, snapshot.PACKAGES, ())
    (tmp_path / edited).write_text("other")
    assert (snapshot.digest(tmp_path) != before) == stale
    assert snapshot.digest(tmp_path, snapshot.PACKAGES, ()) != whole, "a snapshot is named by all of it"
