"""Workers as jobs, against a Slurm that only pretends."""

import json
import sys
from pathlib import Path

import pytest

from bench import tune
from bench.storage.store import Store
from bench.training import interrupt
from bench.tuning import slurm as tuning_slurm
from bench.tuning.trials import Tuning


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[str]) -> list[int]:
    """How many workers every submission had; `bench.tune launcher=slurm` was run once, for two."""
    sizes: list[int] = []

    class Job:
        def __init__(self, number: int) -> None:
            self.job_id = f"41_{number}"

    def send(executor: object, tasks: list[object]) -> list[Job]:
        sizes.append(len(tasks))
        return [Job(number) for number in range(len(tasks))]

    monkeypatch.setattr(tuning_slurm.slurm, "send", send)
    monkeypatch.setattr(tuning_slurm.snapshot, "take", lambda store: store)
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("space: {recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}")
    words = ["tune=mine.yaml", *drawn, "launcher=slurm", "workers=2", "tracking.enabled=false"]
    monkeypatch.setattr(sys, "argv", ["bench.tune", *words])
    assert tune.main() == 0
    return sizes


def jobs(monkeypatch: pytest.MonkeyPatch, **states: bool) -> None:
    class Seen:
        def __init__(self, alive: bool) -> None:
            self.alive = alive

    seen = {id_: Seen(alive) for id_, alive in states.items()}
    monkeypatch.setattr(tuning_slurm.slurm_queue, "jobs", lambda ids: {id_: seen[id_] for id_ in ids})


def test_only_missing_workers_are_submitted(asked, monkeypatch) -> None:
    assert asked == [2]
    assert json.loads(Path("runs/tune/mine/jobs.json").read_text()) == ["41_0", "41_1"]
    jobs(monkeypatch, **{"41_0": True, "41_1": False})
    assert tune.main() == 0
    assert asked == [2, 1]


def test_worker_before_its_time_limit_saves_the_trial_and_queues_its_job_again(asked, monkeypatch) -> None:
    from bench.training import cell as cells

    requeued: list[list[str]] = []
    monkeypatch.setattr(tuning_slurm.slurm_queue, "ask", lambda words: requeued.append(words) or "")
    monkeypatch.setenv("_TEST_CLUSTER_", "slurm")  # submitit's own way to say that this is a job
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    monkeypatch.setattr(interrupt, "listen", lambda *signals: None)
    noted: list[object] = []
    monkeypatch.setattr(interrupt, "received", lambda: noted[0] if noted else None)

    def interrupted(cell, seconds, stop) -> bool:
        noted.append(tuning_slurm.WARNING)
        cell.update_state(state="lost")
        return True

    monkeypatch.setattr(cells, "run_cell", interrupted)
    tuning_slurm.WorkerJob(str(Path("runs").resolve()), "mine", 1)()
    assert requeued == [["scontrol", "requeue", "41"]]
    (trial,) = [each for each in Tuning(Store("runs"), "mine").study.get_trials() if each.number == 0]
    assert trial.state.name == "RUNNING", "whoever asks next finds it without its worker"
