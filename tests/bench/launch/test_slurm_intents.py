"""A submitter killed around `sbatch` leaves no job that nobody knows, and none that is made twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import gc
from bench.config.compose import configuration
from bench.launch import slurm, slurm_intents, slurm_queue
from bench.launch.cancel import alive_jobs
from bench.storage.cell import Cell
from bench.storage.store import Store
from tests.bench.launch.conftest import Planned

LAUNCHER = configuration(["launcher=slurm"]).launcher
SUBMIT = """
import sys
from bench.config.compose import configuration
from bench.launch import slurm
from bench.storage.store import Store
slurm.submit(Store(sys.argv[1]).cells(), configuration(["launcher=slurm"]).launcher)
"""


@pytest.fixture
def killed(fake: Path, planned: Planned, tmp_path: Path, environment: dict[str, str]) -> list[Cell]:
    """Two cells whose submitter was killed after Slurm had taken their job, before it could write that down."""
    (fake / "sbatch.slow").write_text(
        f'#!/bin/sh\ncp "$1" "{fake}/script.sh"; touch "{fake}/taken"; exec sleep 60\n'
    )
    usual = (fake / "sbatch").read_text()
    (fake / "sbatch").write_text((fake / "sbatch.slow").read_text())
    cells = sorted(planned([], []), key=lambda cell: cell.id)  # as the store lists them
    submitter = subprocess.Popen(
        [sys.executable, "-c", SUBMIT, tmp_path / "runs"], env=environment, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (fake / "taken").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(submitter.pid, signal.SIGKILL)
        submitter.wait()
    finally:
        os.killpg(submitter.pid, signal.SIGKILL)  # what it started
    (fake / "sbatch").write_text(usual)
    assert not any(cell.job() for cell in cells)
    return cells


def token(fake: Path) -> str:
    (line,) = [each for each in (fake / "script.sh").read_text().splitlines() if "--comment=" in each]
    return line.partition("--comment=")[2]


def test_job_of_a_killed_submitter_is_found_by_the_next_and_not_made_again(
    killed: list[Cell], fake: Path
) -> None:
    (fake / "comments.txt").write_text(f"41_[0-1]|{token(fake)}\n40|other\n")
    (fake / "squeue.txt").write_text("41_0|PENDING|Priority\n41_1|PENDING|Priority\n")
    sent = slurm.submit(killed, LAUNCHER)
    assert (sent.jobs, sent.queued) == ({}, killed)
    assert "found job 41 again, whose submission was interrupted: 2 cells" in slurm.describe(sent)
    assert [cell.job()["id"] for cell in killed] == ["41_0", "41_1"]
    assert set(killed[0].job()) == {"id", "submitted", "snapshot", "code", "ask", "output"}
    assert not (fake / "submitted").exists()
    store = killed[0].path.parents[1]
    assert not list((store / "slurm/intents").iterdir())
    pickled = store / "slurm/41_1_submitted.pkl"
    task = task_in(pickled)
    assert (task.cell, Path(task.store)) == (killed[1].id, store.resolve())


def task_in(pickled: Path):
    from submitit.core.utils import DelayedSubmission

    return DelayedSubmission.load(pickled).function


def test_killed_before_slurm_took_the_job_is_submitted_anew(
    killed: list[Cell], fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake / "comments.txt").write_text("")
    (fake / "squeue.txt").write_text("")
    monkeypatch.setattr(slurm_intents, "SETTLE_SECONDS", 0.0)
    assert list(slurm.submit(killed, LAUNCHER).jobs.values()) == [killed]


def test_job_that_appears_late_is_waited_for(
    killed: list[Cell], fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake / "comments.txt").write_text("")
    (fake / "squeue.txt").write_text("41_0|PENDING|Priority\n41_1|PENDING|Priority\n")

    def appear(seconds: float) -> None:
        (fake / "comments.txt").write_text(f"41_[0-1]|{token(fake)}\n")

    monkeypatch.setattr(slurm_intents.time, "sleep", appear)
    monkeypatch.setattr(slurm_intents, "SETTLE_SECONDS", 1000.0)
    assert slurm.submit(killed, LAUNCHER).queued == killed


def test_nothing_is_submitted_while_slurm_does_not_tell(killed: list[Cell], fake: Path) -> None:
    sent = slurm.submit(killed, LAUNCHER)
    assert sent.queued == killed
    assert "2 cells have a job already: not known yet" in slurm.describe(sent)


def test_task_that_ended_before_its_files_were_there_counts_for_nothing(
    killed: list[Cell], fake: Path
) -> None:
    (fake / "comments.txt").write_text(f"41_0|{token(fake)}\n41_1|{token(fake)}\n")
    (fake / "squeue.txt").write_text("41_0|FAILED|NonZeroExitCode\n41_1|FAILED|NonZeroExitCode\n")
    assert list(slurm.submit(killed, LAUNCHER).jobs.values()) == [killed]
    assert killed[0].deaths() == []


def test_cancel_finds_the_job_of_a_killed_submitter(killed: list[Cell], fake: Path, command) -> None:
    (fake / "comments.txt").write_text(f"41_[0-1]|{token(fake)}\n")
    (fake / "squeue.txt").write_text("41_0|PENDING|Priority\n41_1|PENDING|Priority\n")
    done = command("bench.cancel", f"cell={killed[1].id}")
    assert done.returncode == 0, done.stderr
    assert (fake / "scancel.asked").read_text() == "41_1\n"


def test_cancel_without_an_answer_says_so(killed: list[Cell], fake: Path, command) -> None:
    done = command("bench.cancel", f"cell={killed[1].id}")
    assert done.returncode == 2
    assert "Slurm does not tell which job it made" in done.stderr


def test_cancel_passes_over_cells_whose_record_is_missing(
    fake: Path, planned: Planned, tmp_path: Path
) -> None:
    cells = planned([], [])
    cells[0].write("job", {})
    (cells[1].path / "job.json").write_text("{")
    store = Store(tmp_path / "runs")
    assert alive_jobs(store, [*cells, store.cell("never-planned")]) == {}


def test_gc_keeps_what_an_interrupted_submission_needs(
    killed: list[Cell], fake: Path, tmp_path: Path
) -> None:
    (fake / "squeue.txt").write_text("")
    kinds = {each.kind for each in gc.rubbish(Store(tmp_path / "runs"))}
    assert not kinds & {"code snapshots", "orphaned cells"}


def test_sbatch_that_timed_out_may_have_made_a_job(fake: Path, planned: Planned, tmp_path: Path) -> None:
    cells = planned([])
    folder = tmp_path / "runs/slurm/intents"
    for said, left in (("invalid account", 0), ("Socket timed out on send/recv operation", 1)):
        (fake / "sbatch").write_text(f"#!/bin/sh\necho 'sbatch: error: {said}' >&2; exit 1\n")
        with pytest.raises(slurm.UserError, match=said):
            slurm.submit(cells, LAUNCHER)
        assert len(list(folder.iterdir())) == left


def test_job_held_because_a_node_could_not_start_it_is_released_once(
    fake: Path, planned: Planned, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (cell,) = planned([])
    cell.write("job", {"id": "7"})
    (fake / "squeue.txt").write_text("7|PENDING|launch failed requeued held\n")
    looks: list[float] = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if looks.count(slurm.POLL_SECONDS) == 3:
            cell.write("metrics", {"scores": {"val": {"mIoU": 1.0}}})

    monkeypatch.setattr(slurm.time, "sleep", sleep)
    slurm.follow([cell], LAUNCHER, resubmit=True)
    assert (fake / "scontrol.asked").read_text() == "release 7\n"
    assert "released job 7" in capsys.readouterr().err


def test_held_job_is_named_with_the_command_that_lets_it_go_on(
    fake: Path, planned: Planned, command, tmp_path
) -> None:
    (cell,) = planned([])
    row = {"key": "a", "label": "A", "cells": [{"id": cell.id, "dataset": "d", "seed": 0}]}
    Store(tmp_path / "runs").write_study({"name": "one", "rows": [row], "command": "again"})
    cell.write("job", {"id": "7_0"})
    (fake / "squeue.txt").write_text("7_0|PENDING|JobHeldAdmin\n")
    (status,) = json.loads(command("bench.status", "--json").stdout)["one"]
    assert status["state"] == "queued"
    assert status["cause"] == "held by Slurm or a person (JobHeldAdmin): `scontrol release 7_0` lets it go on"
    assert slurm_queue.Job("7", "PENDING", "Resources").held is False
