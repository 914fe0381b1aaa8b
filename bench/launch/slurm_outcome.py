"""How a job ended that left no result, and whether its cell may be submitted again."""

import re
from pathlib import Path
from typing import Any

from bench.config.schema import LauncherConfig
from bench.launch.slurm_queue import Job
from bench.storage import snapshot
from bench.storage.cell import GIVEN_UP, Cell, Record

CAUSES = {
    "OUT_OF_MEMORY": "out of memory: Slurm ended the job",
    "TIMEOUT": "the time limit came before the state could be saved",
    "NODE_FAIL": "the node failed",
    "BOOT_FAIL": "the node did not start",
    "PREEMPTED": "pre-empted and not requeued",
    "CANCELLED": "cancelled",
    "DEADLINE": "its deadline passed",
    "COMPLETED": "the job ended without a result",
    "GONE": "the job is gone and Slurm keeps no record of it",
}
OUTSIDE = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "CANCELLED")  # nothing the cell did
NOT_ITS_FAULT = (*OUTSIDE, "COMPLETED")
SIGNALS = {"9": "killed (signal 9), usually by the kernel for want of memory"}


def cause(cell: Cell, job: Job) -> str:
    """Why a job ended, in one line: what the process could write itself, else what Slurm says."""
    state = cell.state()
    own = state.get("job") == job.id and bool(state.get("cause"))
    if own and (state["state"] == "failed" or job.state not in OUTSIDE):
        return str(state["cause"])
    if job.state != "FAILED":
        by = f" ({job.reason})" if job.reason.startswith("by ") else ""
        return CAUSES.get(job.state, f"Slurm says {job.state}") + by
    number = re.search(r"(?:Signal:|exit code \d+:)(\d+)", job.reason)
    if number and number[1] != "0":
        return SIGNALS.get(number[1], f"killed by signal {number[1]}")
    return _said_by_slurm(cell) or f"the process ended: {job.reason or 'no exit code'}"


def _said_by_slurm(cell: Cell) -> str | None:
    """What the end of the job's output tells: where srun dies with its task, the job's state is FAILED and no more."""
    output = Path(cell.job().get("output", ""))
    end = output.read_text(errors="replace").splitlines()[-12:] if output.is_file() else []
    if any(re.search(r"exceeded (job )?memory limit|oom.?kill", line, re.IGNORECASE) for line in end):
        return CAUSES["OUT_OF_MEMORY"]
    for line in reversed(end):
        task = re.search(r"srun: error: .*task[s]? [\d,-]+: (.+)", line)
        if task:
            return SIGNALS["9"] if task[1] == "Killed" else f"the process ended: {task[1]}"
    return None


def record_death(cell: Cell, job: Job, config: LauncherConfig) -> None:
    """Records, once per job, how it ended; after `max_failures` of one kind the cell counts as failed.

    Two deaths are of one kind when cause, code and resources agree, numbers in the cause aside: new code or more
    memory is a new try.

    Args:
        cell: Not done.
        job: Its last job, not alive.
        config: The launcher's settings.
    """
    deaths, submitted, state = cell.deaths(), cell.job(), cell.state()
    if job.id in [death["job"] for death in deaths]:
        return
    why = cause(cell, job)
    excused = blameless(state, job)
    about = {name: submitted.get(name) for name in ("code", "ask")}
    deaths.append({"job": job.id, "cause": why, "innocent": excused, **about})
    cell.write("deaths", deaths)
    if excused:
        cell.update_state(state="lost" if state.get("attempt") else "planned", cause=why)
        return
    repeated = alike(deaths)
    if repeated >= config.max_failures:
        why += f" ({repeated} times; {GIVEN_UP} before code, resources or launcher.max_failures change)"
    cell.update_state(state="failed", cause=why)


def blameless(state: Record, job: Job) -> bool:
    """Whether a job ended through nothing its cell did: taken from outside, or stopped with its state saved."""
    saved = state["state"] == "lost" and state.get("job") == job.id and bool(state.get("cause"))
    return state["state"] != "failed" and (job.state in NOT_ITS_FAULT or saved)


def alike(deaths: list[Record]) -> int:
    """How many of the last deaths were of the last one's kind; blameless ones are passed over."""
    kinds = [_kind(death) for death in deaths if not death["innocent"]]
    count = 0
    for kind in reversed(kinds):
        if kind != kinds[-1]:
            break
        count += 1
    return count


def given_up(cell: Cell, ask: dict[str, Any], config: LauncherConfig) -> bool:
    """Whether a new job with these resources and today's code would only die the same way once more."""
    deaths = cell.deaths()
    own = [death for death in deaths if not death["innocent"]]
    if not own or alike(deaths) < config.max_failures:
        return False
    return own[-1]["code"] == snapshot.digest() and own[-1].get("ask") == ask


def _kind(death: Record) -> tuple[Any, ...]:
    return (
        re.sub(r"\d+(\.\d+)?", "#", death["cause"]),
        death["code"],
        tuple(sorted((death.get("ask") or {}).items())),
    )
