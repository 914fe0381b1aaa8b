"""A cell whose numbers are written is done, whatever fails after them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest

from bench.config.request import Request
from bench.launch.cell_status import describe, study_status
from bench.launch.rubbish import rubbish
from bench.study.prepare import prepare
from bench.training import checkpoint, result
from bench.training.cell import run_cell
from tests.bench.training.test_train import planned


def test_finished_cell_keeps_its_best_weights_and_no_states(drawn: list[str], tmp_path: Path) -> None:
    (cell,) = planned([*drawn, "recipe.epochs=1"], tmp_path).stored()
    run_cell(cell)
    assert [path.name for path in cell.checkpoints.iterdir()] == ["best.safetensors"]


def test_states_that_could_not_be_removed_are_a_warning_and_rubbish(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        assert (folder.parent / "metrics.json").exists(), "numbers come first"
        raise PermissionError("not yours")

    monkeypatch.setattr(checkpoint, "drop_states", refuse)
    prepared = planned([*drawn, "recipe.epochs=1"], tmp_path)
    (cell,) = prepared.stored()
    run_cell(cell)
    assert cell.state()["state"] == "done"
    assert cell.state()["warnings"] == ["removal of training states: PermissionError: not yours"]
    assert {each.kind for each in rubbish(prepared.store, orphans=False)} == {"states of done cells"}


def test_what_fails_after_the_scores_is_a_warning_of_a_finished_cell(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(*words: object) -> None:
        raise RuntimeError("no maps today\nand more")

    monkeypatch.setattr(result, "measure_alignment", break_down)
    prepared = planned([*drawn, "recipe.epochs=1"], tmp_path)
    (cell,) = prepared.stored()
    run_cell(cell)
    state = cell.state()
    assert (state["state"], state["cause"], state["error"]) == ("done", None, None)
    assert state["warnings"] == ["the maps of FIAM: RuntimeError: no maps today"]
    assert "and more" in capsys.readouterr().err
    (status,) = study_status(prepared.store, prepared.store.study(prepared.study.name))
    assert status.state == "done"
    assert describe(status).endswith("note: the maps of FIAM: RuntimeError: no maps today")


def test_broken_tracking_fails_no_cell(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(**words: object) -> None:
        raise RuntimeError("can't start new thread")

    request = [
        *drawn,
        "recipe.epochs=1",
        f"store={tmp_path}",
        "tracking=live",
        "tracking.uri=http://nowhere:1",
    ]
    prepared = prepare(Request.parse(request))
    prepared.write("test")
    (cell,) = prepared.stored()
    monkeypatch.setattr("bench.tracking.live.threading", SimpleNamespace(Event=Event, Thread=break_down))
    run_cell(cell)
    assert cell.state()["state"] == "done", cell.state()["error"]
    assert "can't start new thread" in capsys.readouterr().err


def test_error_after_the_numbers_leaves_the_cell_done(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def live(*words: object) -> Iterator[None]:
        yield
        raise OSError("gone")

    monkeypatch.setattr("bench.training.cell.live", live)
    (cell,) = planned([*drawn, "recipe.epochs=1"], tmp_path).stored()
    run_cell(cell)
    state = cell.state()
    assert (state["state"], state["error"]) == ("done", None)
    assert state["warnings"] == ["after its scores were written: OSError: gone"]
