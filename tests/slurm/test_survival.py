"""What happens to jobs, tried on a real Slurm: nothing done is lost and the numbers stay the same to the byte."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from bench.storage.cell import Cell

REPO = Path(__file__).parents[2]
pytestmark = pytest.mark.slurm


def job_state(cluster, cell: Cell) -> str:
    return cluster.slurm("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={cell.job()['id']}")


def ends(cluster, cell: Cell) -> None:
    cluster.wait_for(lambda: cell.done or cell.state()["state"] == "failed", "the cell's end")
    assert cell.done, cell.log.read_text()[-2000:]


def urgent(cluster, seconds: int = 2) -> None:
    """A job of higher priority that wants the whole node for a moment."""
    cluster.slurm(
        "sbatch",
        "--job-name=urgent",
        "--partition=urgent",
        "--cpus-per-task=4",
        "--output=/dev/null",
        f"--wrap=sleep {seconds}",
    )


def test_warning_before_the_time_limit_saves_and_requeues(cluster, whole) -> None:
    cell = cluster.submit("launcher.checkpoint_seconds=1000")
    cluster.wait_for(lambda: len(cell.history()) >= 3, "three epochs")
    cluster.slurm("scancel", "--signal=USR2", cell.job()["id"])
    cluster.wait_for(lambda: cell.state().get("restart") == 1, "the second start")
    assert "stopped by SIGUSR2" not in str(cell.state().get("cause"))
    ends(cluster, cell)
    assert cluster.results(cell) == whole
    assert cell.state()["attempt"] == 2


def test_two_processes_train_one_cell_through_a_time_limit(cluster, whole_by_two) -> None:
    cell = cluster.submit("launcher.processes=2", "launcher.checkpoint_seconds=1000")
    cluster.wait_for(lambda: len(cell.history()) >= 3, "three epochs")
    cluster.slurm("scancel", "--signal=USR2", cell.job()["id"])
    cluster.wait_for(lambda: cell.state().get("restart") == 1, "the second start")
    ends(cluster, cell)
    assert cluster.results(cell) == whole_by_two
    assert cell.environment()["processes"] == 2


def test_preempted_and_requeued_by_slurm(cluster, whole) -> None:
    cell = cluster.submit()
    cluster.in_the_middle(cell)
    urgent(cluster)
    cluster.wait_for(lambda: job_state(cluster, cell) in ("PENDING", "REQUEUED"), "the pre-emption")
    assert "queued" in cluster.status()
    ends(cluster, cell)
    assert cluster.results(cell) == whole
    assert cell.state()["restart"] == 1


def test_preempted_and_cancelled_goes_on_with_the_next_run(cluster, whole) -> None:
    cell = cluster.submit("launcher.partition=spare")
    cluster.in_the_middle(cell)
    urgent(cluster)
    cluster.wait_for(lambda: job_state(cluster, cell) == "PREEMPTED", "the pre-emption")
    assert "pre-empted and not requeued" in cluster.status()
    cluster.submit("launcher.partition=spare")
    ends(cluster, cell)
    assert cluster.results(cell) == whole


def test_scancelled_goes_on_with_the_next_run(cluster, whole) -> None:
    cell = cluster.submit()
    cluster.in_the_middle(cell)
    assert "cancelled job" in cluster.command("bench.cancel", f"cell={cell.id}").stdout
    cluster.wait_for(lambda: job_state(cluster, cell) == "CANCELLED", "the cancellation")
    cluster.wait_for(lambda: cell.state()["state"] == "lost", "the process to save and end")
    assert "cancelled" in cluster.status()
    cluster.submit()
    ends(cluster, cell)
    assert cluster.results(cell) == whole


def in_service(cluster, node: str) -> bool:
    """Whether a node takes jobs, which it is asked to; one that came back by itself refuses the request."""
    subprocess.run(
        ["scontrol", "update", f"nodename={node}", "state=resume"], capture_output=True, timeout=60
    )
    states = cluster.slurm("sinfo", "--noheader", f"--nodes={node}", "--format=%T").split()
    return bool(states) and not any(state.startswith(("down", "drain")) for state in states)


def test_node_failure_requeues(cluster, whole) -> None:
    cell = cluster.submit()
    cluster.in_the_middle(cell)
    node = cluster.slurm("sinfo", "--noheader", "--partition=main", "--format=%n")
    cluster.slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    try:
        cluster.wait_for(
            lambda: job_state(cluster, cell) in ("PENDING", "REQUEUED"), "the job back in the queue"
        )
    finally:
        cluster.wait_for(lambda: in_service(cluster, node), "the node to be back")
    ends(cluster, cell)
    assert cluster.results(cell) == whole


def test_killed_process_is_named_and_goes_on_with_the_next_run(cluster, whole) -> None:
    cell = cluster.submit()
    cluster.in_the_middle(cell)
    os.kill(cell.state()["pid"], signal.SIGKILL)
    cluster.wait_for(lambda: job_state(cluster, cell) == "FAILED", "the job's end")
    assert "killed (signal 9)" in " ".join(
        json.dumps(json.loads(cluster.command("bench.status", "--json").stdout)).split()
    )
    assert "retry: python -m bench.run launcher=slurm" in cluster.status()
    cluster.submit()
    ends(cluster, cell)
    assert cluster.results(cell) == whole
    assert [death["innocent"] for death in cell.deaths()] == [False]


def test_out_of_memory_is_named(cluster) -> None:
    cell = cluster.submit("launcher.memory=150M")
    cluster.wait_for(lambda: job_state(cluster, cell) in ("OUT_OF_MEMORY", "FAILED", "CANCELLED"), "the kill")
    said = json.loads(cluster.command("bench.status", "--json").stdout)
    assert "memory" in next(iter(said.values()))[0]["cause"], said


def fill(filler: Path, leave: int) -> None:
    """Fills a disk but for some bytes, also where a cell writes its states there at the same time."""
    with filler.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(b"0" * 65536)
        file.truncate(max(0, file.tell() - leave))


def test_full_disk_is_named_and_goes_on_where_there_is_room(cluster, whole, tmp_path: Path) -> None:
    small = tmp_path / "runs"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", small]).returncode:
        pytest.skip("no right to mount a small disk")
    filler = small / "filler"
    try:
        cell = cluster.submit()
        cluster.in_the_middle(cell)
        fill(filler, leave=300_000)  # less than one state
        cluster.wait_for(lambda: cell.state()["state"] == "failed", "the failure")
        assert "no space left on device" in cell.state()["cause"].lower()
        filler.unlink()
        cluster.wait_for(lambda: job_state(cluster, cell) == "FAILED", "the job's end")
        cluster.submit()
        ends(cluster, cell)
        assert cluster.results(cell) == whole
    finally:
        subprocess.run(["scancel", "--name=fianet-bench"], timeout=60)
        cluster.wait_for(lambda: not cluster.slurm("squeue", "--noheader"), "an empty queue")
        subprocess.run(["umount", "--lazy", small], check=True)


def test_dying_the_same_way_ends_after_max_failures(cluster) -> None:
    words = ["launcher.max_failures=2", "watch=true"]
    cell = cluster.submit()
    (cell.path / "checkpoints").write_text("a file where a folder should be")
    ends_badly = cluster.command("bench.run", "launcher=slurm", *cluster.words, *words)
    assert ends_badly.returncode == 1
    assert "not submitted again" in ends_badly.stderr
    assert len(cell.deaths()) == 2
    again = cluster.command("bench.run", "launcher=slurm", *cluster.words, "launcher.max_failures=2")
    assert again.returncode == 1
    assert "not submitted: " in again.stdout


def test_jobs_run_the_tree_as_it_was_at_submission(cluster, whole, tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    for name in ("bench", "fianet", "baselines", "reports", "experiments"):
        shutil.copytree(REPO / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    cluster.root = copy
    cluster.slurm(
        "sbatch",
        "--job-name=urgent",
        "--partition=urgent",
        "--cpus-per-task=4",
        "--output=/dev/null",
        "--wrap=sleep 15",
    )
    cell = cluster.submit()
    (copy / "bench/training/train.py").write_text("raise SystemExit('edited while the job was queued')")
    cluster.root = REPO
    ends(cluster, cell)
    assert cluster.results(cell) == whole
    about = json.loads(
        (cluster.folder / f"runs/snapshots/{cell.job()['snapshot']}/snapshot.json").read_text()
    )
    assert about["from"] == str(copy)


def test_second_run_submits_nothing_that_has_a_job(cluster) -> None:
    long = "recipe.epochs=500"
    cell = cluster.submit(long)
    first = cell.job()["id"]
    again = cluster.command("bench.run", "launcher=slurm", *cluster.words, long)
    assert again.returncode == 0
    assert "1 cells have a job already" in again.stdout
    assert cell.job()["id"] == first
