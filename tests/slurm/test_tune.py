"""A search whose workers are jobs: one is killed in the middle of a trial, and the trials are all made."""

import csv
import json
from pathlib import Path

import pytest

from bench.storage.store import Store

pytestmark = pytest.mark.slurm
SEARCH = """
sampler: {name: random}
pruner: {name: none}
space:
  recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
"""


def test_search_on_a_cluster_survives_a_killed_job(cluster) -> None:
    (cluster.folder / "mine.yaml").write_text(SEARCH)
    words = ["bench.tune", "tune=mine.yaml", "launcher=slurm", *cluster.words, "trials=2", "workers=1"]
    sent = cluster.command(*words)
    assert sent.returncode == 0, sent.stderr
    folder = cluster.folder / "runs/tune/mine"
    (job,) = json.loads((folder / "jobs.json").read_text())
    store = Store(cluster.folder / "runs")
    cluster.wait_for(
        lambda: any(cell.history() and not cell.done for cell in store.cells()), "a running trial"
    )
    (trained,) = [cell for cell in store.cells() if cell.history() and not cell.done]
    cluster.slurm("scancel", "--signal=KILL", "--full", job)
    cluster.wait_for(lambda: not cluster.slurm("squeue", "--noheader", f"--jobs={job}"), "the job's end")
    cluster.wait_for(lambda: not trained.locked(), "the cell to be free")

    again = cluster.command(*words, "wait=true", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["counts"] == {"finished": 2}
    assert trained.done
    assert trained.state()["attempt"] == 2
    with Path(folder / "trials.csv").open() as file:
        assert [trial["state"] for trial in csv.DictReader(file)].count("fail") == 1
