"""The disk is measured before anything starts, wherever cells run."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.config.compose import configuration
from bench.config.groups import options
from bench.config.request import Request
from bench.launch import preflight
from bench.profiling.memory import weightless, weights
from bench.study.plan import Plan
from bench.study.prepare import prepare
from bench.terminal.errors import UserError


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the disk is said to have."""
    disk = SimpleNamespace(free=10**12)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return disk


def planned(drawn: list[str], tmp_path: Path, *words: str) -> Plan:
    return prepare(Request.parse([*drawn, f"store={tmp_path / 'runs'}", *words]))


@pytest.mark.parametrize(
    ("launcher", "key"),
    [("inline", "launcher.workers"), ("local", "launcher.workers"), ("slurm", "launcher.max_parallel")],
)
def test_full_disk_is_told_before_the_study_starts(
    launcher: str, key: str, free: SimpleNamespace, drawn: list[str], tmp_path: Path
) -> None:
    free.free = 10**4
    plan = planned(drawn, tmp_path, f"launcher={launcher}", "seeds=[0,1]")
    with pytest.raises(UserError, match=r"runs: .* are needed, 10 kB are free") as refused:
        preflight.check(plan, plan.missing())
    assert key in refused.value.remedy
    assert not (tmp_path / "runs").exists()


def test_states_count_for_cells_that_train_at_once_and_best_weights_for_all(
    free: SimpleNamespace, drawn: list[str], tmp_path: Path
) -> None:
    plan = planned(drawn, tmp_path, "launcher.workers=2", "seeds=[0,1,2,3]")
    need = preflight.disk(plan, plan.missing())
    total, trained = weights(weightless(plan.cells[0].config))
    assert need.finished == 4 * 4 * total
    assert need.running == 2 * (3 * 4 * (total + 2 * trained) + 2 * 4 * total)
    free.free = need.total
    preflight.check(plan, plan.missing())
    free.free = need.total - 1
    with pytest.raises(UserError):
        preflight.check(plan, plan.missing())


def test_what_a_stopped_cell_wrote_is_its_own_already(
    free: SimpleNamespace, drawn: list[str], tmp_path: Path
) -> None:
    plan = planned(drawn, tmp_path)
    free.free = preflight.disk(plan, plan.missing()).total - 1000
    (cell,) = plan.missing()
    cell.checkpoints.mkdir(parents=True)
    (cell.checkpoints / "state-000000001-0123456789abcdef.pt").write_bytes(b"0" * 1000)
    preflight.check(plan, plan.missing())


def test_ample_disk_needs_no_model_to_be_built(
    free: SimpleNamespace, drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "disk", lambda plan, missing: pytest.fail("torch is loaded for nothing"))
    plan = planned(drawn, tmp_path)
    preflight.check(plan, plan.missing())


@pytest.mark.parametrize("scale", ["tiny", "paper"])
@pytest.mark.parametrize("model", options("model"))
def test_ample_is_more_than_any_model_weighs(scale: str, model: str) -> None:
    config = configuration([f"scale={scale}", f"model={model}", "model.text.pretrained=null"])
    assert weights(weightless(config))[0] < preflight.AMPLE * preflight._encoders(config)
    slots = ["model.fusion=iim", "model.neck=cim", "model.decoder=rotated"]
    largest = configuration([f"scale={scale}", *slots, "model.text.pretrained=null"])
    assert weights(weightless(largest))[0] < preflight.AMPLE * preflight._encoders(largest)
