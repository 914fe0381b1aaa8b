"""Searches on cells that cost nothing: counting, giving up, retrying, resuming, and what is written in the end."""

import csv
import gc
import json
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from bench import tune
from bench.config.request import Request
from bench.launch.cell_status import study_status
from bench.storage.cell import Cell
from bench.storage.store import Store
from bench.study.prepare import prepare
from bench.training import cell as cells
from bench.training import result as making
from bench.tuning import result
from bench.tuning.trials import Tuning

SEARCH = """
trials: 6
sampler: {name: tpe, startup: 3}
pruner: {name: asha, min_epochs: 1, reduction: 2}
space:
  recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
  recipe.loss: [ce, ce_dice]
"""


DRAW = result.draw_search


class FakeCells:
    """Stands in for training: the score of an epoch follows from the learning rate, and every epoch is counted."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}  # epochs trained by cell id
        self.dies: Any = lambda cell: False
        self.fails: Any = lambda cell: False

    def __call__(self, cell: Cell, checkpoint_seconds: float, stop: Any) -> bool:
        with cell.lock() as free:
            assert free
            return self._train(cell, stop)

    def _train(self, cell: Cell, stop: Any) -> bool:
        if cell.done:
            return True
        recipe, history = cell.config()["recipe"], cell.history()
        cell.update_state(state="running", cause=None)
        if self.fails(cell):
            cell.update_state(state="failed", cause="the loss is nan at step 3")
            return True
        while len(history) < recipe["epochs"]:
            epoch = len(history)
            score = {"mIoU": 1000 * recipe["lr"] * (epoch + 1), "oIoU": 0.0}
            history.append({"epoch": epoch, "loss": 1.0, "lr": recipe["lr"], "seconds": 1.0, "val": score})
            cell.write_history(history)
            self.epochs[cell.id] = self.epochs.get(cell.id, 0) + 1
            if self.dies(cell):
                raise KeyboardInterrupt
            if len(history) < recipe["epochs"] and stop(history):
                cell.update_state(state="stopped")
                return True
        scores = {"val": history[-1]["val"], "test": {"mIoU": -1.0, "oIoU": -1.0}}
        cell.write("metrics", {"scores": scores, "epochs": len(history)})
        cell.update_state(state="done")
        return True


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCells:
    made = FakeCells()
    monkeypatch.setattr(cells, "run_cell", made)
    return made


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[str], last_of_each: Any) -> Any:
    """Runs `python -m bench.tune tune=mine.yaml WORDS` in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        result, "draw_search", lambda *given: []
    )  # half of the time of a search that trains nothing
    (tmp_path / "mine.yaml").write_text(SEARCH)
    (tmp_path / "tmem.yaml").write_text("space: {model.tmem.blocks: [1, 2]}")

    def run(*words: str) -> int:
        asked = ["tune=mine.yaml", *drawn, "launcher=inline", "tracking.enabled=false", *words]
        monkeypatch.setattr(sys, "argv", ["bench.tune", *last_of_each(asked)])
        return tune.main()

    return run


def trials() -> list[dict[str, str]]:
    with open("runs/tune/mine/trials.csv") as file:
        return list(csv.DictReader(file))


def test_trial_0_is_the_recipe_as_it_is_and_poor_trials_are_given_up(search, fake, capsys) -> None:
    assert search("--json") == 0
    found = json.loads(capsys.readouterr().out)
    first = trials()[0]
    assert (float(first["recipe.lr"]), first["recipe.loss"]) == (1e-3, "ce_dice")
    assert found["start"] == pytest.approx(3.0)
    assert sum(found["counts"].values()) == 6
    assert found["counts"]["given up"] >= 1
    given_up = [trial for trial in trials() if trial["state"] == "pruned"]
    assert all(fake.epochs[trial["cell"]] == int(trial["epochs"]) < 3 for trial in given_up)
    assert Store("runs").cell(given_up[0]["cell"]).state()["state"] == "stopped"
    finished = [float(trial["val"]) for trial in trials() if trial["state"] == "complete"]
    assert found["best"]["value"] == max(finished), "by val: test scores are -1"


def test_recipe_file_is_a_cell_that_is_done_already(search, fake, drawn) -> None:
    assert search() == 0
    words = [word for word in drawn if not word.startswith("recipe.")]
    again = prepare(Request.parse([*words, "recipe=runs/tune/mine/recipe.yaml"]))
    assert again.missing() == []
    best = json.loads(Path("runs/tune/mine/result.json").read_text())["best"]
    assert again.cells[0].id == best["cell"]
    assert again.cells[0].config.recipe.lr == best["values"]["recipe.lr"]


def test_trials_count_over_restarts_and_nothing_is_trained_twice(search, fake) -> None:
    assert search("trials=3") == 0
    assert len(trials()) == 3
    before = dict(fake.epochs)
    assert search("trials=3") == 0
    assert (len(trials()), fake.epochs) == (3, before)
    assert search("trials=5") == 0
    assert len(trials()) == 5
    assert len({trial["recipe.lr"] for trial in trials()}) == 5, (
        "a restart does not ask for the same values again"
    )
    assert max(fake.epochs.values()) <= 3


def test_values_that_a_cell_has_already_cost_no_training(search, fake, drawn, tmp_path) -> None:
    assert search("trials=4") == 0
    before = dict(fake.epochs)
    assert search("trials=4", "name=other") == 0
    assert fake.epochs == before, "the same seed asks for the same values, whose cells are in the store"
    with open("runs/tune/other/trials.csv") as file:
        states = [trial["state"] for trial in csv.DictReader(file)]
    assert states[0] == "complete"


def test_interrupted_trial_goes_on_from_where_it_was(search, fake, capsys) -> None:
    fake.dies = lambda cell: fake.epochs[cell.id] == 2
    assert search("trials=3") == 130
    (running,) = [cell for cell in Store("runs").cells() if not cell.done and cell.history()]
    assert len(running.history()) == 2
    fake.dies = lambda cell: False
    assert search("trials=3") == 0
    assert max(fake.epochs.values()) == 3, "no epoch was trained twice"
    lost = [trial for trial in trials() if trial["state"] == "fail"]
    retried = [trial for trial in trials() if trial["retry_of"]]
    assert [trial["trial"] for trial in lost] == [trial["retry_of"] for trial in retried]
    assert lost[0]["cell"] == retried[0]["cell"] == running.id
    assert len(trials()) == 3 + 1, "the trial counts once"


def test_trial_that_takes_every_worker_with_it_is_left_in_the_end(search, fake) -> None:
    fake.dies = lambda cell: cell.config()["recipe"]["lr"] == 1e-3
    assert [search("trials=2") for _ in range(3)] == [130, 130, 130]
    assert search("trials=2") == 0
    assert [trial["state"] for trial in trials()] == ["fail", "fail", "fail", "complete"]


def test_trials_that_fail_one_after_the_other_stop_the_worker(search, fake, capsys) -> None:
    fake.fails = lambda cell: True
    assert search() == 1
    said = capsys.readouterr()
    assert len(trials()) == 3
    assert "failed: the loss is nan at step 3" in said.err
    assert "no trial finished" in said.out


def test_storage_that_stops_answering_costs_no_training(capsys) -> None:
    from bench.tuning.worker import Pruning

    class Broken:
        def report(self, value: float, step: int) -> None:
            raise ConnectionError("server closed the connection")

    stop = Pruning(Broken(), "mIoU")  # type: ignore[arg-type]
    history = [{"epoch": 0, "val": {"mIoU": 1.0}}]
    assert not stop(history)
    assert not stop(history)
    assert capsys.readouterr().err.count("the storage does not answer") == 1


def test_search_begun_with_other_settings_is_refused(search, fake, capsys) -> None:
    assert search("trials=1") == 0
    assert search("trials=1", "recipe.weight_decay=0.5") == 2
    said = capsys.readouterr().err
    assert "recipe.weight_decay: 0.01 there, 0.5 asked for" in said
    assert "name=NAME" in said


def test_store_knows_the_trials_as_a_study(search, fake) -> None:
    assert search("trials=2") == 0
    store = Store("runs")
    statuses = study_status(store, store.study("tune-mine"))
    assert len(statuses) == 2
    assert statuses[0].label.startswith("trial 0: lr 0.001")


def test_line_torn_by_a_power_cut_is_dropped(search, fake) -> None:
    assert search("trials=2") == 0
    with open("runs/tune/mine/journal.log", "a") as file:
        file.write('{"op_code": 4, "wor')
    assert search("trials=3") == 0
    assert len(trials()) == 3


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["protocol=test_selected"], "never sees the test split"),
        (["seeds=[0,1]"], "one seed"),
        (["recipe.lr=1e-3"], "recipe.lr is given"),
        (["ablation=fiam"], "not a study"),
        (["triels=3"], "Did you mean trials"),
        (["trials=0"], "trials=0"),
        (["trials=many"], "trials"),
        (["recipe.lrr=3"], "Did you mean recipe.lr"),
        (["storage=here"], "storage=here"),
        (["tune=fianet_l"], "Did you mean fianet_lr"),
        (["model.neck=none", "tune=tmem.yaml"], "model.tmem.blocks: this model does not depend on it"),
    ],
)
def test_wrong_request_is_said_in_two_lines_and_starts_nothing(search, capsys, words, names) -> None:
    assert search(*words) == 2
    said = capsys.readouterr()
    assert names in said.err
    assert len(said.err.strip().splitlines()) == 2
    assert not said.out
    assert not Path("runs/tune").exists()


def test_help_lists_searches(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.tune", "--help"])
    with pytest.raises(SystemExit, match="0"):
        tune.main()
    said = capsys.readouterr().out
    assert "fianet_lr" in said
    assert "exit codes" in said


def test_dry_run_tells_the_space_and_starts_nothing(search, capsys) -> None:
    assert search("dry_run=true") == 0
    assert "recipe.lr                  0.0001 to 0.01, log" in capsys.readouterr().out
    assert not Path("runs/tune").exists()


def test_figures_are_drawn(search, fake, monkeypatch) -> None:
    monkeypatch.setattr(result, "draw_search", DRAW)
    Path("mine.yaml").write_text(SEARCH.replace("asha", "none"))
    assert search("trials=4") == 0
    names = {path.name for path in Path("runs/tune/mine").iterdir()}
    assert {
        "history.png",
        "history.pdf",
        "values.png",
        "values.pdf",
        "importance.png",
        "importance.pdf",
    } <= names


def test_worker_joins_a_search_that_exists_only() -> None:
    from bench.terminal.errors import UserError

    with pytest.raises(UserError, match="holds no such search"):
        Tuning(Store("nowhere"), "mine")


def test_no_model_outlives_its_trial(search, monkeypatch: pytest.MonkeyPatch) -> None:
    models, alive = list[weakref.ref[nn.Module]](), list[int]()
    build = making.build_model

    def watched(*words: Any) -> nn.Module:
        alive.append(sum(each() is not None for each in models))
        models.append(weakref.ref(model := build(*words)))
        return model

    monkeypatch.setattr(making, "build_model", watched)
    gc.disable()
    try:
        assert search("trials=3", "recipe.epochs=1", "recipe.precision=bf16") == 0
    finally:
        gc.enable()
    assert alive == [0, 0, 0]
    assert all(each() is None for each in models)
