"""Times in MLflow are those of the training."""

import os
import time
from typing import Any

import pytest

from bench.config.schema import TrackingConfig
from bench.storage.store import Store
from bench.tracking import live as live_module
from bench.tracking.bulk import Database
from bench.tracking.client import tracking_uri
from bench.tracking.live import live
from bench.tracking.mirror import Mirror
from tests.bench.tracking.test_track import SCORES, assert_nested, mirrored, planned, study, trained


def times_of(mirror: Mirror) -> dict[str, Any]:
    """Start and end of every run, and the time of every metric, by title."""
    found = mirror.client.search_runs([mirror.experiment.experiment_id])
    return {
        run.info.run_name: (
            (run.info.start_time, run.info.end_time),
            {
                name: [
                    (each.step, each.timestamp)
                    for each in mirror.client.get_metric_history(run.info.run_id, name)
                ]
                for name in run.data.metrics
            },
        )
        for run in found
    }


@pytest.mark.parametrize("through_api", [False, True])
def test_times_are_those_of_the_training(store: Store, through_api: bool, monkeypatch) -> None:
    if through_api:
        monkeypatch.setattr(Database, "open", lambda *given: None)
    trained(store, "a" * 12)
    trained(store, "b" * 12).update_state(started=500.0, finished=900.0)
    planned(store, "c" * 12)
    study(store, "a" * 12, "b" * 12, "c" * 12)
    found = times_of(mirrored(store))
    (started, ended), metrics = found["Full · synthetic · seed 0"]
    assert (started, ended) == (1000_000, 1010_000)
    assert metrics["train/loss"] == [(0, 1001_000), (1, 1002_000), (2, 1003_000)]
    assert metrics["val/mIoU"] == metrics["train/loss"]
    assert metrics["test/mIoU"] == [(0, 1010_000)]
    assert found["mini"][0] == found["Full"][0] == (500_000, 1010_000)
    assert times_of(mirrored(store)) == found
    trained(store, "c" * 12).update_state(started=2000.0, finished=2010.0)
    assert times_of(mirrored(store))["mini"][0] == (500_000, 2010_000)


def test_times_of_a_cell_that_was_begun_again_hold_all_its_epochs(store: Store) -> None:
    trained(store, "a" * 12).update_state(started=1008.0, finished=1010.0)
    study(store, "a" * 12)
    (started, ended), metrics = times_of(mirrored(store))["Full · synthetic · seed 0"]
    assert (started, ended) == (1007_000, 1010_000)
    assert [time for _, time in metrics["train/loss"]] == [1008_000, 1009_000, 1010_000]


def test_times_of_old_cells_are_those_of_their_files(store: Store) -> None:
    cell = trained(store, "a" * 12)
    cell.write("state", {"state": "done"})
    os.utime(cell.path / "metrics.json", (5000, 5000))
    study(store, "a" * 12)
    found = times_of(mirrored(store))
    assert found["Full · synthetic · seed 0"][0] == found["mini"][0] == (4997_000, 5000_000)


def test_study_that_gains_an_earlier_cell_begins_with_it(store: Store) -> None:
    trained(store, "a" * 12)
    study(store, "a" * 12)
    mirrored(store)
    trained(store, "b" * 12).update_state(started=100.0, finished=200.0)
    study(store, "a" * 12, "b" * 12)
    mirror = mirrored(store)
    assert times_of(mirror)["mini"][0] == times_of(mirror)["Full"][0] == (100_000, 1010_000)
    assert_nested(mirror)


def test_epochs_told_live_are_not_told_again(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(live_module, "SECONDS", 0.05)
    uri = tracking_uri(store, None)
    cell = planned(store, "a" * 12)
    study(store, "a" * 12)
    epochs = [{"epoch": each, "loss": 1.0, "lr": 1e-3, "seconds": 0.1, "val": SCORES} for each in range(3)]
    for known in (1, 2):  # the second is another process that goes on with the cell
        cell.update_state(state="running", started=time.time())
        with live(cell, TrackingConfig(live=True, uri=uri)):
            cell.write_history(epochs[:known])
    before = time.time() * 1000
    trained(store, "a" * 12).update_state(started=before / 1000 - 1, finished=before / 1000)
    metrics = times_of(mirrored(store))["Full · synthetic · seed 0"][1]
    for name in ("train/loss", "val/mIoU"):
        assert sorted(step for step, _ in metrics[name]) == [0, 1, 2]
        assert all(before - 60_000 < time <= before + 3000 for _, time in metrics[name])
