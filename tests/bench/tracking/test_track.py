"""MLflow as the store's mirror: equal, idempotent, and never in the way of training."""

import shlex
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from bench.config.schema import TrackingConfig
from bench.storage.cell import Cell
from bench.storage.mlflow_links import read_links
from bench.storage.store import Store
from bench.tracking import live as live_module
from bench.tracking import sync as sync_module
from bench.tracking.bulk import Database
from bench.tracking.client import how_to_open, masked, tracking_uri, without_login
from bench.tracking.live import live
from bench.tracking.mirror import Mirror

SCORES = {"mIoU": 40.0, "P@0.5": 50.0}
CONFIG = {"model": {"fusion": "fiam"}, "recipe": {"epochs": 3}}


def planned(store: Store, id_: str) -> Cell:
    return store.plan(id_, {"seed": 0, "data": {"fingerprint": "f00d"}}, CONFIG)


def trained(store: Store, id_: str, epochs: int = 3, best: float = 40.0) -> Cell:
    cell = planned(store, id_)
    epoch = {"loss": 1.0, "lr": 1e-3, "seconds": 1.0, "val": SCORES}
    cell.write_history([{"epoch": number} | epoch for number in range(epochs)])
    cell.write("metrics", {"scores": {"val": SCORES, "test": SCORES | {"mIoU": best}}})
    cell.update_state(state="done", started=1000.0, finished=1010.0)
    return cell


def study(store: Store, *cells: str, name: str = "mini", label: str = "Full") -> dict[str, Any]:
    rows = [{"key": "full", "label": label, "marks": [], "cells": []}]
    rows[0]["cells"] = [{"dataset": "synthetic", "seed": seed, "id": id_} for seed, id_ in enumerate(cells)]
    store.write_study({"name": name, "title": "Mini", "rows": rows, "command": "again"})
    return store.study(name)


def mirrored(store: Store, **settings: str) -> Mirror:
    """A whole sync, from nothing known."""
    from bench.tracking.sync import sync_all

    sync_all(store, **settings)
    mirror = Mirror(store)
    mirror.learn()
    return mirror


def runs(mirror: Mirror) -> dict[str, Any]:
    """Everything MLflow says of the cells, by title."""
    found = mirror.client.search_runs([mirror.experiment.experiment_id], "tags.kind = 'seed'")
    return {run.info.run_name: run for run in found}


def contents(mirror: Mirror) -> dict[str, Any]:
    return {
        title: (run.data.metrics, run.data.params, run.data.tags, run.info.status, run.info.run_id)
        for title, run in runs(mirror).items()
    }


def test_second_sync_changes_nothing(store: Store) -> None:
    trained(store, "a" * 12)
    planned(store, "b" * 12)
    study(store, "a" * 12, "b" * 12)
    first = contents(mirrored(store))
    assert list(first) == ["Full · synthetic · seed 0"], "a cell that is not done has no run"
    assert contents(mirrored(store)) == first


def test_head_that_a_stopped_sync_left_half_told_is_told_once(store: Store, monkeypatch) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12)

    def stopped(*anything: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "log_inputs", stopped)
        with pytest.raises(KeyboardInterrupt):
            mirrored(store)
    trained(store, "a" * 12, best=50.0)
    mirror = mirrored(store)
    (run,) = mirror.client.search_runs([mirror.experiment.experiment_id], "tags.kind = 'study'")
    assert len(run.data.tags["mirror.digest"]) > 10
    for name in run.data.metrics:
        steps = [each.step for each in mirror.client.get_metric_history(run.info.run_id, name)]
        assert len(steps) == len(set(steps)), name


def test_pages_learn_where_the_runs_are(store: Store) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12, "b" * 12)
    assert read_links(store, "mini") == {}
    bulk = mirrored(store)
    experiment = bulk.experiment.experiment_id
    known = next(known.run_id for key, known in bulk.known.items() if key.endswith("a" * 12))
    assert read_links(store, "mini") == {
        "a"
        * 12: f"http://127.0.0.1:5000/#/experiments/{experiment}/runs/{known}?workflowType=machine_learning"
    }
    before = (store.root / "mlflow" / "mini.json").stat().st_mtime_ns
    mirrored(store)
    assert (store.root / "mlflow" / "mini.json").stat().st_mtime_ns == before


def test_cells_in_bulk_equal_cells_through_the_api(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12, name="bulk")
    bulk = mirrored(store)
    monkeypatch.setattr(Database, "open", lambda *given: None)
    study(store, "a" * 12, name="single")
    both = mirrored(store)
    found = both.client.search_runs([both.experiment.experiment_id], "tags.kind = 'seed'")
    one, other = sorted(found, key=lambda run: run.data.tags["study"])
    assert one.data.tags["study"] == "bulk"
    different = {"study", "mirror.key", "mlflow.parentRunId", "mlflow.note.content"}
    assert one.data.metrics == other.data.metrics
    assert one.data.params == other.data.params
    for run in (one, other):
        assert run.data.metrics["test/P_at_0.5"] == 50.0
        assert run.data.params == {}, "what all cells share stands at the study"
        assert (run.info.start_time, run.info.end_time) == (1000_000, 1010_000)
        history = both.client.get_metric_history(run.info.run_id, "val/mIoU")
        assert [(metric.step, metric.value) for metric in history] == [(0, 40.0), (1, 40.0), (2, 40.0)]
        artifacts = {each.path for each in both.client.list_artifacts(run.info.run_id)}
        assert artifacts == {"cell.json", "history.jsonl", "metrics.json"}
    assert {key: value for key, value in one.data.tags.items() if key not in different} == {
        key: value for key, value in other.data.tags.items() if key not in different
    }
    assert bulk.store_id == both.store_id


def test_cell_trained_anew_replaces_its_run(store: Store) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12)
    before = runs(mirrored(store))
    trained(store, "a" * 12, best=44.0)
    (run,) = runs(mirrored(store)).values()
    assert run.data.metrics["test/mIoU"] == 44.0
    assert run.info.run_id not in {each.info.run_id for each in before.values()}


def test_what_the_store_no_longer_has_is_deleted_and_new_labels_are_taken_over(store: Store) -> None:
    trained(store, "a" * 12)
    trained(store, "b" * 12)
    study(store, "a" * 12, "b" * 12)
    study(store, "a" * 12, name="gone")
    assert len(mirrored(store).known) == 2 + 2 + 2 + 1
    (store.root / "studies/gone.json").unlink()
    study(store, "a" * 12, label="Ours")
    shutil.rmtree(store.cell("b" * 12).path)
    assert list(runs(mirrored(store))) == ["Ours · synthetic · seed 0"]


def test_another_plan_of_a_study_deletes_no_run(store: Store) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12)
    first = runs(mirrored(store))
    store.plan("c" * 12, {"seed": 0, "recipe": "another scale"}, CONFIG)
    study(store, "c" * 12)
    assert [cell["id"] for row in store.study("mini")["rows"] for cell in row["cells"]] == ["c" * 12]
    assert {run.info.run_id for run in runs(mirrored(store)).values()} == {
        run.info.run_id for run in first.values()
    }


def test_two_stores_share_a_server(store: Store, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    trained(store, "a" * 12)
    study(store, "a" * 12)
    other = Store(tmp_path / "other")
    trained(other, "c" * 12)
    study(other, "c" * 12)
    mirrored(store, uri=uri)
    mirrored(other, uri=uri)
    mirror = mirrored(store, uri=uri)
    found = mirror.client.search_runs([mirror.experiment.experiment_id], "tags.kind = 'seed'")
    assert {run.data.tags["cell"] for run in found} == {"a" * 12, "c" * 12}


def test_running_cell_is_live_and_ends_as_sync_would_have_it(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(live_module, "SECONDS", 0.05)
    uri = f"sqlite:///{store.root / 'mlflow.db'}"
    cell = planned(store, "a" * 12)
    study(store, "a" * 12)
    mirror = Mirror(store, uri)
    with live(cell, TrackingConfig(live=True, uri=uri)):
        cell.write_history([{"epoch": 0, "loss": 3.0, "lr": 1e-3, "val": SCORES}])
        deadline = time.monotonic() + 30
        while not any("train/loss" in run.data.metrics for run in runs(mirror).values()):
            assert time.monotonic() < deadline, "no news of the first epoch"
            time.sleep(0.05)
        assert next(iter(runs(mirror).values())).info.status == "RUNNING"
        trained(store, "a" * 12)
    (run,) = runs(mirror).values()
    assert (run.info.status, run.data.metrics["test/mIoU"]) == ("FINISHED", 40.0)
    assert contents(mirrored(store)) == contents(mirror), "nothing was left for sync"


def test_cell_that_is_killed_is_ended_by_the_next_sync(store: Store) -> None:
    cell = planned(store, "a" * 12)
    spec = study(store, "a" * 12)
    mirror = Mirror(store)
    from bench.tracking.content import places

    (place,) = places(spec)
    mirror.open(place, mirror.row(spec, "full"))
    cell.update_state(state="running")
    (run,) = runs(mirrored(store)).values()
    assert run.info.status == "KILLED"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://me:pass@host:5000/x", "https://me:***@host:5000/x"),
        ("POST postgresql://me:p:a@ss@/db?x=1 failed", "POST postgresql://me:***@/db?x=1 failed"),
        ("postgresql:///db?user=me&password=pass", "postgresql:///db?user=me&password=***"),
        ("sqlite:////home/me@here/a:b/mlflow.db", "sqlite:////home/me@here/a:b/mlflow.db"),
    ],
)
def test_passwords_are_not_shown(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_links_and_runs_hold_no_password(store: Store, monkeypatch) -> None:
    monkeypatch.setitem(CONFIG, "tracking", {"uri": "http://me:secret@host:5000"})
    trained(store, "a" * 12)
    study(store, "a" * 12)
    mirror = mirrored(store)
    (run,) = mirror.client.search_runs([mirror.experiment.experiment_id], "tags.kind = 'study'")
    assert run.data.params["tracking.uri"] == "http://me:***@host:5000"
    for path in (store.root / "mlartifacts").rglob("*.*"):
        assert b"secret" not in path.read_bytes()
    assert without_login("http://me:secret@host:5000") == "http://host:5000"


def test_number_that_is_none_is_mirrored(store: Store) -> None:
    cell = trained(store, "a" * 12)
    cell.write_history([{"epoch": 0, "loss": float("nan"), "lr": float("inf"), "seconds": 1.0}])
    study(store, "a" * 12)
    (run,) = runs(mirrored(store)).values()
    assert run.data.metrics["train/loss"] != run.data.metrics["train/loss"]
    assert run.data.metrics["train/lr"] > 1e300


def assert_nested(mirror: Mirror) -> None:
    """Every run hangs under one that is there."""
    found = mirror.client.search_runs([mirror.experiment.experiment_id])
    there = {run.info.run_id: run.data.tags["kind"] for run in found}
    above = {"seed": "row", "row": "study"}
    for run in found:
        if run.data.tags["kind"] in above:
            assert there[run.data.tags["mlflow.parentRunId"]] == above[run.data.tags["kind"]]


@pytest.mark.parametrize("title", ["mini", "Full", "Full · synthetic · seed 0"])
def test_run_that_someone_deleted_comes_back_with_what_hung_under_it(store: Store, title: str) -> None:
    trained(store, "a" * 12)
    trained(store, "b" * 12)
    study(store, "a" * 12, "b" * 12)
    mirror = mirrored(store)
    found = mirror.client.search_runs([mirror.experiment.experiment_id])
    titles = sorted(run.info.run_name for run in found)
    (gone,) = [run.info.run_id for run in found if run.info.run_name == title]
    mirror.client.delete_run(gone)
    again = mirrored(store)
    assert_nested(again)
    assert sorted(known.name for known in again.known.values()) == titles


def test_experiment_that_someone_deleted_comes_back_without_what_was_replaced(store: Store) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12)
    mirrored(store)
    trained(store, "a" * 12, best=44.0)
    mirror = mirrored(store)
    mirror.client.delete_experiment(mirror.experiment.experiment_id)
    again = mirrored(store)
    assert_nested(again)
    (run,) = runs(again).values()
    assert run.data.metrics["test/mIoU"] == 44.0


def test_other_databases_are_written_through_mlflow_alone(store: Store, empty: bytes, monkeypatch) -> None:
    monkeypatch.setattr(Database, "open", lambda *given: pytest.fail("tables were opened"))
    other = Store(store.root / "other")
    trained(other, "a" * 12)
    study(other, "a" * 12)
    uri = f"sqlite:///{store.root / 'mlflow.db'}"
    sync_module.sync_all(other, uri)
    mirror = Mirror(other, uri)
    assert len(runs(mirror)) == 1
    assert_nested(mirror)


@pytest.mark.parametrize("name", ["a%20b", "what?", "with space", "é", "a#b", "a%2"])
def test_database_lies_in_the_store_whatever_its_name(tmp_path: Path, empty: bytes, name: str) -> None:
    import mlflow

    store = Store(tmp_path / name)
    store.root.mkdir()
    (store.root / "mlflow.db").write_bytes(empty)
    trained(store, "a" * 12)
    study(store, "a" * 12)
    said = sync_module.Mirrored(store, "mini", None).said
    assert [path.name for path in tmp_path.iterdir()] == [name]
    uri = said.removeprefix("mlflow: run ").split(" in ", 1)[1].split(" (open with ")[0]
    words = shlex.split(said.split("(open with `")[1].removesuffix("`)"))
    assert words == ["python", "-m", "bench.track", "ui", f"store={store.root}"]
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("fianet-bench")
    (run,) = client.search_runs([experiment.experiment_id], "tags.kind = 'seed'")
    assert {each.path for each in client.list_artifacts(run.info.run_id)} >= {"cell.json", "metrics.json"}
    assert Mirror(store).database is not None


def test_make_ui_is_named_for_the_usual_store_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert how_to_open(Store("runs"), tracking_uri(Store("runs"), None)) == "`make ui`"
    assert how_to_open(Store("other"), "http://me:secret@host:5000") == "http://host:5000"
    assert "make ui" not in how_to_open(Store("other"), tracking_uri(Store("other"), None))
