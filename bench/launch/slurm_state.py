"""What a cell's files and its Slurm job say together: neither knows all of it."""

import time
from collections.abc import Iterable

from bench.launch import slurm_outcome, slurm_queue
from bench.launch.slurm_queue import Job
from bench.storage.cell import Cell, Record

HELD = "held"  # begins the cause of a cell whose job waits for a person
FRESH_SECONDS = 10.0  # between two questions to Slurm while a table is redrawn every other second
_last: tuple[float, frozenset[str], dict[str, Job]] = (float("-inf"), frozenset(), {})


def jobs_of(cells: Iterable[Cell]) -> dict[str, Job]:
    """The jobs of these cells by cell id, as Slurm saw them at most ten seconds ago."""
    global _last
    jobs = {cell.id: job["id"] for cell in cells if (job := cell.job())}
    wanted = frozenset(jobs.values())
    asked, ids, seen = _last
    if ids != wanted or time.monotonic() - asked > FRESH_SECONDS:
        seen = slurm_queue.jobs(wanted)
        _last = (time.monotonic(), wanted, seen)
    return {cell: seen[id_] for cell, id_ in jobs.items()}


def merged(cell: Cell, state: Record, job: Job) -> Record:
    """The state of a cell that is not done and has a job.

    Args:
        cell: The cell.
        state: `cell.state()`; on this machine a lock held on a node may look free, and a file may be minutes old.
        job: The cell's last job.

    Returns:
        `state` with `state` and `cause` set right.
    """
    outside = state["state"] == "running" and state.get("job") != job.id
    if outside and not job.running:  # a process that no job of ours started holds it
        return state
    if job.running:
        return state | {"state": "running", "cause": None}
    if job.state == slurm_queue.UNKNOWN:
        doubt = f"Slurm does not answer for job {job.id}"
        return state | {"state": "queued" if state["state"] == "planned" else state["state"], "cause": doubt}
    if job.held:
        remedy = f"{HELD} by Slurm or a person ({job.reason}): `scontrol release {job.id}` lets it go on"
        return state | {"state": "queued", "cause": remedy}
    if job.alive:
        return state | {"state": "queued", "cause": f"waits: {job.reason}" if job.reason else None}
    if state["state"] == "failed" or state["state"] == "running":  # `running` means its lock is held
        return state
    ended = "lost" if slurm_outcome.blameless(state, job) else "failed"
    return state | {"state": ended, "cause": slurm_outcome.cause(cell, job)}
