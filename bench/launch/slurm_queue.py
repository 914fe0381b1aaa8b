"""What Slurm says of jobs: squeue first, sacct for those it has forgotten. Any of the two may be missing or slow."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

TIMEOUT = 30.0  # seconds any Slurm command may take; a busy controller answers late, a dead one never
ENDED = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
)
GONE = "GONE"  # Slurm answers and has never heard of it, or forgot it and keeps no accounting
UNKNOWN = "UNKNOWN"  # Slurm does not answer


@dataclass(frozen=True)
class Job:
    """One job or array task as Slurm sees it."""

    id: str
    state: str  # Slurm's word, or GONE or UNKNOWN
    reason: str = ""  # why it waits, or how it ended

    @property
    def alive(self) -> bool:
        """Whether it runs or may still run; a job nobody can tell anything of may."""
        return self.state not in (*ENDED, GONE)

    @property
    def held(self) -> bool:
        """Whether it waits for `scontrol release`, and for nothing else."""
        return self.state == "PENDING" and re.search("held|hold", self.reason, re.IGNORECASE) is not None

    @property
    def launch_failed(self) -> bool:
        """Whether it is held because a node could not start it."""
        return self.held and "launch failed" in self.reason.replace("_", " ")

    @property
    def running(self) -> bool:
        """Whether it holds a node now."""
        return self.state in ("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING")


def jobs(ids: Iterable[str]) -> dict[str, Job]:
    """The state of each job.

    Args:
        ids: Job ids; array tasks as `12_3`.

    Returns:
        One record per id.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    queue = _squeue(wanted)
    found = {id_: job for id_, job in (queue or {}).items() if id_ in wanted}
    forgotten = wanted - set(found)
    if forgotten:
        found |= {id_: job for id_, job in (_sacct(forgotten) or {}).items() if id_ in forgotten}
    absent = UNKNOWN if queue is None else GONE
    return {id_: found.get(id_, Job(id_, absent)) for id_ in wanted}


def _squeue(ids: set[str]) -> dict[str, Job] | None:
    said = ask(["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r", _chosen(ids)])
    if said is None:
        return None
    found = {}
    for line in said.splitlines():
        id_, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        found[id_] = Job(id_, state, "" if reason == "None" else reason)
    return found


def _sacct(ids: set[str]) -> dict[str, Job] | None:
    words = ["sacct", "--noheader", "--allocations", "--parsable2", "--format=JobID,State,ExitCode"]
    said = ask([*words, _chosen(ids)])
    if said is None:
        return None
    found = {}
    for line in said.splitlines():
        id_, _, rest = line.strip().partition("|")
        state, _, code = rest.partition("|")
        word, _, by = state.partition(" ")  # `CANCELLED by 1000`
        found[id_] = Job(id_, word.rstrip("+"), by or ("" if code == "0:0" else f"exit code {code}"))
    return found


def commented(name: str) -> dict[str, str] | None:
    """The jobs of this name by their comment: comment to job id, of an array without its task.

    Accounting often keeps no comments; squeue knows those of jobs that wait, run or ended minutes ago.

    Returns:
        None where Slurm does not answer.
    """
    queue = ask(["squeue", "--noheader", "--states=all", f"--name={name}", "--format=%i|%k"])
    words = ["sacct", "--noheader", "--allocations", "--parsable2", "--starttime=now-30days"]
    ended = ask([*words, f"--name={name}", "--format=JobID,Comment"])
    if queue is None:
        return None
    found = {}
    for line in [*(ended or "").splitlines(), *queue.splitlines()]:
        id_, _, comment = line.strip().partition("|")
        found[comment] = id_.partition("_")[0]
    return found


def _chosen(ids: set[str]) -> str:
    """The arrays asked for: a few, where their tasks may be thousands."""
    return "--jobs=" + ",".join(sorted({id_.partition("_")[0] for id_ in ids}))


def tell(words: list[str]) -> str | None:
    """Has a Slurm command done; returns why it was not, and what to type, if it was not."""
    try:
        done = _run(words)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{words[0]}: {error}. Run it by hand: {' '.join(words)}"
    return f"{words[0]}: {done.stderr.strip()}" if done.returncode else None


def _run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT)


def ask(words: list[str]) -> str | None:
    """What a Slurm command prints, or None when it is missing, fails or does not answer in time."""
    try:
        done = _run(words)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:  # asked for one job alone that it forgot, squeue fails; that is an answer
        return "" if "Invalid job id" in done.stderr else None
    return done.stdout
