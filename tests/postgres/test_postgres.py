"""The two databases a cluster would share, real: Optuna's trials and MLflow's runs in PostgreSQL."""

import json

import pytest

from bench.storage.store import Store

pytestmark = pytest.mark.postgres
SEARCH = """
sampler: {name: tpe, startup: 2}
pruner: {name: asha, min_epochs: 1, reduction: 2}
space:
  recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
  recipe.loss: [ce, ce_dice]
"""


def test_workers_share_trials_in_postgresql(cluster, command, drawn, tmp_path) -> None:
    url = cluster("tuning")
    (tmp_path / "mine.yaml").write_text(SEARCH)
    words = ["bench.tune", "tune=mine.yaml", *drawn, f"storage={url}", "workers=2", "tracking.enabled=false"]
    done = command(*words, "trials=3", "--json")
    assert done.returncode == 0, done.stderr
    assert sum(json.loads(done.stdout)["counts"].values()) == 3
    assert not (tmp_path / "runs/tune/mine/journal.log").exists()
    again = command(*words, "trials=4", "--json")
    assert sum(json.loads(again.stdout)["counts"].values()) == 4, "trials count over restarts"


def test_unreachable_database_is_said_in_two_lines(cluster, command, drawn, tmp_path) -> None:
    url = cluster("gone").replace("gone", "never_made")
    (tmp_path / "mine.yaml").write_text(SEARCH)
    done = command("bench.tune", "tune=mine.yaml", *drawn, f"storage={url}")
    assert done.returncode == 2
    assert "never_made" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2


def runs(url: str) -> dict:
    from mlflow import MlflowClient

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("fianet-bench")
    found = client.search_runs([experiment.experiment_id], "tags.kind = 'seed'")
    return {run.info.run_name: (run.info.run_id, run.info.status, run.data.metrics) for run in found}


def test_cells_tell_a_server_over_postgresql_and_sync_makes_up_for_its_absence(
    mlflow_server, command, drawn, tmp_path
) -> None:
    url = mlflow_server.url
    words = ["bench.run", *drawn, "tracking=live", f"tracking.uri={url}"]
    assert command(*words, "seeds=[0]").returncode == 0
    (live,) = runs(url).values()
    assert live[1] == "FINISHED"
    assert {"train/loss", "val/mIoU", "test/mIoU"} <= live[2].keys()

    mlflow_server.stop()
    without = command(*words, "seeds=[0,1]")
    assert without.returncode == 0, "a dead server costs no training"
    assert "cannot be written" in without.stdout
    (missed,) = [
        cell for cell in Store(tmp_path / "runs").cells() if "does not answer" in cell.log.read_text()
    ]
    assert missed.done

    mlflow_server.start()
    assert command("bench.track", "sync", f"uri={url}").returncode == 0
    made_up = runs(url)
    assert len(made_up) == 2
    assert made_up["fianet · synthetic · seed 0"] == live
    assert command("bench.track", "sync", f"uri={url}").returncode == 0
    assert runs(url) == made_up


def test_sync_into_postgresql_is_idempotent(cluster, command, drawn, tmp_path) -> None:
    url = cluster("mirror")
    words = ["bench.run", *drawn, "seeds=[0,1]", f"tracking.uri={url}"]
    assert command(*words).returncode == 0
    before = runs(url)
    assert [status for _, status, _ in before.values()] == ["FINISHED", "FINISHED"]
    assert command("bench.track", "sync", f"uri={url}").returncode == 0
    assert runs(url) == before
    folders = list((tmp_path / "runs/mlartifacts").iterdir())
    assert len(folders) == 3, "of two cells, and of the study, which has the report"


def test_deleted_parent_in_postgresql_is_replaced(cluster, command, drawn) -> None:
    from mlflow import MlflowClient

    url = cluster("deleted")
    assert command("bench.run", *drawn, "seeds=[0]", f"tracking.uri={url}").returncode == 0
    client = MlflowClient(url)
    experiment = [client.get_experiment_by_name("fianet-bench").experiment_id]
    before = runs(url)
    (row,) = client.search_runs(experiment, "tags.kind = 'row'")
    client.delete_run(row.info.run_id)
    assert command("bench.track", "sync", f"uri={url}").returncode == 0
    (again,) = client.search_runs(experiment, "tags.kind = 'row'")
    (cell,) = client.search_runs(experiment, "tags.kind = 'seed'")
    assert cell.data.tags["mlflow.parentRunId"] == again.info.run_id != row.info.run_id
    assert (again.info.start_time, again.info.end_time) == (row.info.start_time, row.info.end_time)
    assert (cell.info.start_time, cell.info.end_time) == (row.info.start_time, row.info.end_time)
    assert runs(url) == before
