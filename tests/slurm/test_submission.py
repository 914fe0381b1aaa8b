"""What happens around submission, tried on a real Slurm: nothing is lost, made twice, or waits for ever in silence."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.storage.cell import Cell
from bench.storage.store import Store
from tests.slurm.test_survival import ends, in_service, job_state

pytestmark = pytest.mark.slurm
LONG = "recipe.epochs=500"


def killed_submitter(cluster, *words: str) -> Cell:
    """A cell whose submitter was killed while Slurm's answer was under way, so that only the queue knows its job."""
    fake = cluster.folder / "fake"
    fake.mkdir()
    real = shutil.which("sbatch")
    (fake / "sbatch").write_text(
        f'#!/bin/sh\n{real} "$@" >{fake}/answer && mv {fake}/answer {fake}/taken\nexec sleep 60\n'
    )
    (fake / "sbatch").chmod(0o755)
    submitter = subprocess.Popen(
        [
            sys.executable,
            "-m",
            *cluster.last_of_each(("bench.run", "launcher=slurm", *cluster.words, *words)),
        ],
        cwd=cluster.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(cluster.root),
            "OMP_NUM_THREADS": "1",
            "PATH": f"{fake}{os.pathsep}{os.environ['PATH']}",
        },
        start_new_session=True,
    )
    try:
        cluster.wait_for((fake / "taken").exists, "sbatch", 120)
        submitter.kill()
        submitter.wait()
    finally:
        os.killpg(submitter.pid, signal.SIGKILL)
    (cell,) = Store(cluster.folder / "runs").cells()
    assert not cell.job()
    return cell


def test_job_of_a_killed_submitter_is_found_and_trains(cluster, whole) -> None:
    cell = killed_submitter(cluster)
    again = cluster.command("bench.run", "launcher=slurm", *cluster.words)
    assert again.returncode == 0, again.stderr
    assert "whose submission was interrupted: 1 cells" in again.stdout
    assert "submitted job" not in again.stdout
    assert cluster.slurm("squeue", "--noheader", "--name=fianet-bench", "--format=%i") == cell.job()["id"]
    ends(cluster, cell)
    assert cluster.results(cell) == whole


def test_cancel_finds_the_job_of_a_killed_submitter(cluster) -> None:
    cell = killed_submitter(cluster, LONG)
    assert "cancelled job" in cluster.command("bench.cancel", f"cell={cell.id}").stdout
    cluster.wait_for(lambda: job_state(cluster, cell) == "CANCELLED", "the cancellation", 60)


def test_job_that_a_node_could_not_start_is_named_and_released_once(cluster, whole) -> None:
    broken = Path(os.environ["SLURM_CONF"]).parent / "prolog-fails"
    node = cluster.slurm("sinfo", "--noheader", "--partition=main", "--format=%n")
    broken.touch()
    try:
        cell = cluster.submit()
        job = cell.job()["id"]
        reason = lambda: cluster.slurm("squeue", "--noheader", f"--jobs={job}", "--format=%r")  # noqa: E731
        cluster.wait_for(lambda: "held" in reason(), "the failed start", 60)
        assert f"scontrol release {job}" in " ".join(cluster.command("bench.status", "--json").stdout.split())
    finally:
        broken.unlink()
        cluster.wait_for(lambda: in_service(cluster, node), "the node to be back", 60)
    time.sleep(6)  # a job that was put back rests a while
    watched = cluster.command("bench.run", "launcher=slurm", *cluster.words, "watch=true")
    assert watched.returncode == 0, watched.stderr
    assert f"released job {job} of cell {cell.id}" in watched.stderr
    assert cluster.results(cell) == whole


def test_time_beyond_the_partitions_limit_is_refused(cluster) -> None:
    words = ["bench.run", "launcher=slurm", *cluster.words, "launcher.partition=short"]
    refused = cluster.command(*words, "launcher.time=11")
    assert refused.returncode == 2
    assert "launcher.time=11: partition short allows 10 min at most." in refused.stderr
    capped = cluster.command(*words, "recipe.epochs=100000", "dry_run=true")
    assert "#SBATCH --time=10\n" in capped.stdout
    assert "the limit of partition short" in capped.stdout


def test_two_nodes_train_one_cell_through_a_time_limit(cluster, whole_by_two) -> None:
    cell = cluster.submit("launcher.partition=pair", "launcher.nodes=2", "launcher.checkpoint_seconds=1000")
    cluster.wait_for(lambda: len(cell.history()) >= 3, "three epochs")
    cluster.slurm("scancel", "--signal=USR2", cell.job()["id"])
    cluster.wait_for(lambda: cell.state().get("restart") == 1, "the second start")
    ends(cluster, cell)
    assert cluster.results(cell) == whole_by_two
    about = cluster.slurm(
        "sacct", "--noheader", "--allocations", "--format=NNodes", f"--jobs={cell.job()['id']}"
    )
    assert about.split()[-1] == "2"
