"""Sets of a user's own are planned, named and trained on as any other."""

import json
from pathlib import Path

import pytest

from bench.config.choices import Layout
from bench.config.compose import configuration
from bench.config.request import Request
from bench.data.index import read_index
from bench.study.prepare import prepare
from tests.bench.conftest import SMALL
from tests.bench.data.conftest import make_coco

MODEL = [word for word in SMALL if not word.startswith("data.")]


@pytest.fixture
def coco(tmp_path: Path) -> list[str]:
    """Words that ask for a set made of instances."""
    (tmp_path / "ports.json").write_text(json.dumps(make_coco(tmp_path)))
    return ["data=coco", f"data.coco={tmp_path / 'ports.json'}", f"data.images={tmp_path / 'photos'}"]


@pytest.fixture
def table(drawn: list[str], tmp_path: Path) -> list[str]:
    """Words that ask for the drawn scenes, listed in a table."""
    references = read_index(configuration(["data=synthetic", *drawn]).data).references
    lines = [
        {
            "image": str(each.image),
            "mask": {"size": list(each.mask.size), "counts": each.mask.counts.decode()},
            "sentence": each.sentence,
            "split": each.split,
            "category": each.category,
            "id": each.ref_id,
        }
        for each in references
    ]
    (tmp_path / "scenes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return ["data=manifest", f"data.file={tmp_path / 'scenes.jsonl'}"]


def planned(study: str, tmp_path: Path, *words: str) -> dict[str, str]:
    """Cell ids of a request by data set and row."""
    more = [f"data.cache={tmp_path / 'cache'}", f"store={tmp_path / 'runs'}", study]
    plan = prepare(Request.parse([*words, *MODEL, *more]))
    assert all(cell.config.data.layout != Layout.coco for cell in plan.cells), "jobs make no sets"
    return {f"{cell.dataset} {cell.row}": cell.id for cell in plan.cells}


def test_the_same_content_is_the_same_cell_in_every_layout(
    study: str, table: list[str], drawn: list[str], tmp_path: Path
) -> None:
    root = next(word for word in drawn if word.startswith("data.root="))
    scenes = [word for word in drawn if word.startswith("data.synthetic.")]
    one = planned(study, tmp_path, *table)
    other = planned(study, tmp_path, "data=synthetic", root, *scenes)
    assert list(one) == ["scenes blind", "scenes full"]
    assert list(one.values()) == list(other.values())
    chosen = planned(study, tmp_path, *table, "data.bands=[3,2,1]", "data.name=swapped")
    assert list(chosen) == ["swapped blind", "swapped full"]
    assert not set(chosen.values()) & set(one.values())


def test_instances_are_planned_under_their_name_and_keep_their_cells(
    study: str, coco: list[str], tmp_path: Path
) -> None:
    first = planned(study, tmp_path, *coco)
    assert list(first) == ["ports blind", "ports full"]
    assert planned(study, tmp_path, *coco) == first
    assert planned(study, tmp_path, *coco, "data.refer.seed=4") != first
    assert list(planned(study, tmp_path, *coco, "data.refer.name=Our ports")) == [
        "Our ports blind",
        "Our ports full",
    ]


@pytest.mark.slow
def test_instances_are_trained_on_in_one_command(
    study: str, coco: list[str], command, tmp_path: Path
) -> None:
    words = ["bench.run", study, *coco, *MODEL, "launcher=inline", "tracking=none"]
    first = command(*words)
    assert first.returncode == 0, first.stderr
    assert "ports, test" in first.stdout
    assert "preview=40" in first.stderr
    again = command(*words, "dry_run=true")
    assert "2 done, 0 to run" in again.stdout
    assert "preview=40" not in again.stderr
    content = json.loads((tmp_path / "ports.json").read_text())
    content["annotations"].pop()
    (tmp_path / "ports.json").write_text(json.dumps(content))
    assert "0 done, 2 to run" in command(*words, "dry_run=true").stdout
    rebuilt = command("reports.build", "ablation=mini")
    assert rebuilt.returncode == 0, rebuilt.stderr
