"""What a reader finds in MLflow: data sets, pictures, notes and the report, whichever way they were written."""

from pathlib import Path
from typing import Any

import pytest

from bench.storage.cell import Record
from bench.storage.previews import write_previews
from bench.storage.store import Store
from bench.tracking import sync as sync_module
from bench.tracking.bulk import Database
from bench.tracking.mirror import Mirror

CONFIG = {"data": {"name": "synthetic", "root": "data"}, "recipe": {"epochs": 2}}


def trained(store: Store, id_: str, score: float, fusion: str) -> None:
    config = CONFIG | {"model": {"fusion": fusion}}
    cell = store.plan(id_, {"seed": 0, "data": {"fingerprint": "f00d"}}, config)
    epochs = [
        {"epoch": epoch, "lr": 1.0, "loss": 1.0, "seconds": 1.0, "val": {"mIoU": score}} for epoch in (0, 1)
    ]
    cell.write_history(epochs)
    for epoch in (0, 1):
        write_previews(cell, epoch, ["The ship", "The car, left"], [b"one", b"two"])
    cell.write("env", {"commit": "abc+"})
    scores = {"val": {"mIoU": score}, "test": {"mIoU": score}}
    counts = {"train": 7, "val": 2, "test": 3, "shuffled": 3}
    cell.write("metrics", {"scores": scores, "counts": counts, "best_epoch": 1, "epochs": 2})
    cell.update_state(state="done", started=1000.0, finished=1010.0)


def planned(store: Store) -> Record:
    for id_, score, fusion in (("a" * 12, 10.0, "pwam"), ("b" * 12, 30.0, "fiam")):
        trained(store, id_, score, fusion)
    rows = [
        {"key": key, "label": label, "cells": [{"dataset": "synthetic", "seed": 0, "id": id_ * 12}]}
        for key, label, id_ in (("pwam", "PWAM", "a"), ("full", "Full", "b"))
    ]
    store.write_study({"name": "mini", "title": "Mini", "caption": "All.", "rows": rows, "command": "again"})
    return store.everything("mini")


def runs(store: Store) -> dict[str, Any]:
    mirror = Mirror(store)
    found = mirror.client.search_runs([mirror.experiment.experiment_id])
    return {run.info.run_name: run for run in found}


def files(store: Store, run: Any, folder: str) -> set[str]:
    return {each.path for each in Mirror(store).client.list_artifacts(run.info.run_id, folder)}


@pytest.mark.parametrize("through_api", [False, True])
def test_every_run_says_what_it_is(store: Store, through_api: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if through_api:
        monkeypatch.setattr(Database, "open", lambda *given: None)
    planned(store)
    sync_module.sync_all(store)
    found = runs(store)
    cell, row, study = found["PWAM · synthetic · seed 0"], found["PWAM"], found["mini"]
    for run in (cell, row, study):
        inputs = [
            (each.dataset.name, each.dataset.digest, each.tags[0].value) for each in run.inputs.dataset_inputs
        ]
        assert sorted(inputs) == [(f"synthetic/{split}", "f00d", split) for split in ("test", "train", "val")]
        assert run.data.tags["mlflow.source.git.commit"] == "abc"
        assert run.data.tags["mlflow.user"]
    assert cell.data.params == row.data.params == {"model.fusion": "pwam"}
    assert study.data.params["recipe.epochs"] == "2"
    assert (study.data.metrics["test/mIoU"], study.data.metrics["test/mIoU_best"]) == (20.0, 30.0)
    assert row.data.metrics["test/mIoU"] == 10.0
    assert "Epoch 2 of 2" in cell.data.tags["mlflow.note.content"]
    assert "All." in study.data.tags["mlflow.note.content"]
    assert cell.data.tags["mlflow.loggedImages"] == "True"
    pictures = files(store, cell, "images")
    assert len(pictures) == 2 * 2 * 2  # sentences, epochs, and each small for the grid
    assert any(path.startswith("images/2 The car left+step+1+timestamp+") for path in pictures)


def test_experiment_is_laid_out_for_training_and_described(store: Store) -> None:
    tags = Mirror(store).experiment
    found = Mirror(store).client.get_experiment(tags.experiment_id).tags
    assert found["mlflow.experimentKind"] == "custom_model_development"
    assert "study" in found["mlflow.note.content"]


def test_study_whose_numbers_change_is_replaced_and_keeps_its_cells(store: Store) -> None:
    planned(store)
    sync_module.sync_all(store)
    before = runs(store)
    sync_module.sync_all(store)
    assert {run.info.run_id for run in runs(store).values()} == {run.info.run_id for run in before.values()}
    trained(store, "b" * 12, 50.0, "fiam")
    sync_module.sync_all(store)
    after = runs(store)
    assert after["mini"].data.metrics["test/mIoU_best"] == 50.0
    assert after["PWAM"].info.run_id == before["PWAM"].info.run_id
    for name, parent in (("PWAM", "mini"), ("Full", "mini"), ("Full · synthetic · seed 0", "Full")):
        assert after[name].data.tags["mlflow.parentRunId"] == after[parent].info.run_id


def test_run_of_a_cell_is_kept_and_told_what_its_study_no_longer_says_for_all(store: Store) -> None:
    trained(store, "a" * 12, 10.0, "pwam")
    cells = [{"dataset": "synthetic", "seed": 0, "id": "a" * 12}]
    rows = [{"key": "pwam", "label": "PWAM", "cells": cells}]
    store.write_study({"name": "mini", "title": "Mini", "caption": "All.", "rows": rows, "command": "again"})
    sync_module.sync_all(store)
    before = runs(store)["PWAM · synthetic · seed 0"]
    assert "model.fusion" not in before.data.params, "one cell: its study says all"
    planned(store)
    sync_module.sync_all(store)
    after = runs(store)["PWAM · synthetic · seed 0"]
    assert after.info.run_id == before.info.run_id
    assert after.data.params["model.fusion"] == "pwam"
    assert (after.data.metrics, after.info.status) == (before.data.metrics, "FINISHED")


def test_report_lies_with_the_study_and_follows_it(store: Store) -> None:
    planned(store)
    told = sync_module.Mirrored(store, "mini", None)
    assert "report" not in files(store, runs(store)["mini"], "")
    folder = store.root / "reports/mini"
    (folder / "figures").mkdir(parents=True)
    (folder / "index.html").write_text("first")
    (folder / "figures/bars.png").write_bytes(b"bars")
    told.add_report()
    run = runs(store)["mini"]
    assert files(store, run, "report") == {"report/index.html", "report/figures"}
    (folder / "index.html").write_text("second")
    sync_module.sync_all(store)
    again = runs(store)["mini"]
    assert again.info.run_id == run.info.run_id
    path = Mirror(store).client.download_artifacts(again.info.run_id, "report/index.html")
    assert Path(path).read_text() == "second"


def test_one_copy_of_a_report_is_kept_whatever_changes(store: Store) -> None:
    def copies(name: str) -> list[str]:
        return [path.read_text() for path in (store.root / "mlartifacts").rglob(f"report/{name}")]

    planned(store)
    folder = store.root / "reports/mini"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("first")
    (folder / "old.html").write_text("first")
    sync_module.sync_all(store)
    first = runs(store)["mini"].info.run_id
    (folder / "old.html").unlink()
    (folder / "index.html").write_text("second")
    sync_module.sync_all(store)
    assert (copies("index.html"), copies("old.html")) == (["second"], [])
    trained(store, "a" * 12, 20.0, "pwam")  # anew: the run of the study is replaced
    sync_module.sync_all(store)
    assert runs(store)["mini"].info.run_id != first
    assert copies("index.html") == ["second"]


def test_dead_server_is_asked_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    planned(store)
    told = sync_module.Mirrored(store, "mini", "http://127.0.0.1:9")
    said = told.said
    assert "cannot be written" in said
    monkeypatch.setattr(Mirror, "report", lambda *given: pytest.fail("asked again"))
    told.add_report()
    assert told.said == said
