"""Rehearsals: what would end a training after hours ends a minute's rehearsal, planted here again."""

import re
import shutil
from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.request import Request
from bench.config.schema import REQUIRED
from bench.launch.rehearsal import _scratch_config, distinct, due, rehearse, wanted
from bench.storage.cell import Cell
from bench.storage.rehearsals import read_rehearsal
from bench.storage.store import Store
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.training import result
from bench.training.rehearsal import rehearse_cell
from tests.bench.conftest import Run


@pytest.fixture
def plan(drawn: list[str], study: str, tmp_path: Path) -> Plan:
    words = [study, *drawn, f"store={tmp_path / 'runs'}", "seeds=[0,1]", "tracking.enabled=false"]
    return prepare(Request.parse(words))


def scratch(plan: Plan, folder: Path, row: str = "full") -> Cell:
    planned = next(cell for cell in plan.cells if cell.row == row)
    return Store(folder / "scratch").plan(planned.id, planned.identity, _scratch_config(planned.config))


def test_one_cell_of_each_model_is_rehearsed_whatever_the_seeds(plan: Plan) -> None:
    assert [(cell.row, cell.seed) for cell in distinct(plan)] == [("blind", 0), ("full", 0)]
    assert [cell.row for cell in due(plan)] == ["blind", "full"]
    assert wanted(plan) == [], "on this machine only for rehearse=true"


def test_a_rehearsal_trains_two_steps_with_a_resume_and_reads_everything_back(
    plan: Plan, tmp_path: Path
) -> None:
    cell = scratch(plan, tmp_path)
    found = rehearse_cell(cell)
    assert found.problems == []
    assert [record["epoch"] for record in cell.history()] == [0, 1]
    assert cell.state()["attempt"] == 2
    assert (cell.path / "figures/attention.npz").exists()
    assert found.seconds_a_step > 0
    assert found.peak_bytes > 10**7
    assert found.state_bytes > 10**5
    samples = cell.samples()
    assert samples is not None
    assert samples.groupby("split").size().max() <= 8


def test_maps_that_cannot_be_read_fail_the_rehearsal(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mixed(*args: object) -> None:
        raise RuntimeError("expected m1 and m2 to have the same dtype, but got: c10::BFloat16 != float")

    monkeypatch.setattr(result, "measure_alignment", mixed)
    (problem,) = rehearse_cell(scratch(plan, tmp_path)).problems
    assert "same dtype" in problem


def test_random_weights_where_pretrained_ones_are_required_fail_the_rehearsal(
    plan: Plan, tmp_path: Path
) -> None:
    cell = scratch(plan, tmp_path)
    values = cell.config()
    values["model"]["encoder"]["pretrained"] = REQUIRED
    cell.write("cell", cell.description() | {"config": values})
    assert any("model.encoder.pretrained" in problem for problem in rehearse_cell(cell).problems)


def test_a_precision_chosen_by_the_machine_fails_the_rehearsal(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.training import distributed

    make = distributed.make_accelerator
    monkeypatch.setattr(distributed, "make_accelerator", lambda precision: make("bf16"))
    (problem,) = rehearse_cell(scratch(plan, tmp_path)).problems
    assert problem == "it ran in bf16, recipe.precision is float32"


def test_data_changed_since_the_plan_fail_the_rehearsal(plan: Plan, tmp_path: Path) -> None:
    planned = plan.cells[-1]
    copy = tmp_path / "copy"
    shutil.copytree(planned.config.data.root, copy)
    values = _scratch_config(planned.config)
    values["data"] |= {"root": str(copy), "synthetic": None}
    image = next((copy / "images/rrsisd/JPEGImages").iterdir())
    image.write_bytes(image.read_bytes() + b"\0")
    cell = Store(tmp_path / "scratch").plan(planned.id, planned.identity, values)
    (problem,) = rehearse_cell(cell).problems
    assert str(copy) in problem


def test_rehearse_prints_a_table_keeps_what_it_measured_and_starts_nothing(
    command: Run, drawn: list[str], study: str, tmp_path: Path
) -> None:
    done = command("bench.run", study, *drawn, "rehearse=true")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed") == 2
    assert "encoder random, text random" in done.stdout
    assert [path.suffix for path in (tmp_path / "runs/rehearsals").iterdir()] == [".json", ".json"]
    assert Store(tmp_path / "runs").cells() == []
    config = configuration([*drawn, f"store={tmp_path / 'runs'}"])
    measured = read_rehearsal(Store(tmp_path / "runs"), config)
    assert measured is not None
    assert measured.images_a_step == 4
    assert "rehearsed on cpu" in command("bench.run", study, *drawn, "dry_run=true").stdout


def test_a_model_that_fails_its_rehearsal_is_named_with_the_cause(
    command: Run, drawn: list[str], study: str, tmp_path: Path
) -> None:
    (tmp_path / "mini.yaml").write_text(
        Path(study.partition("=")[2]).read_text()
        + "  bare: {label: No tagger, protocol: {decoupler: nltk}}\n"
    )
    done = command("bench.run", "ablation=mini.yaml", *drawn, "rehearse=true")
    assert done.returncode == 1
    assert re.search(r"^No tagger · \S+: decoupler=nltk: NLTK", done.stdout, re.MULTILINE), done.stdout
    assert done.stdout.count("passed") == 2


def test_trained_code_is_not_rehearsed_again(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    assert rehearse(plan, distinct(plan))
    assert due(plan) == []
    capsys.readouterr()
