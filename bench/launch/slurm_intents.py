"""Submissions are written down before they are made: a submitter killed half-way leaves no job that nobody knows.

STORE/slurm/intents/<token>.json is there before sbatch is called, and removed when every cell knows its job. The token
is the job's comment. Whoever holds STORE/slurm/lock and finds such a file knows that its submitter is dead, and looks
for the job.
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.launch import slurm_queue
from bench.storage import files
from bench.storage.cell import Cell, Record
from bench.storage.store import Store

NAME = "fianet-bench"  # of every job
SETTLE_SECONDS = (
    30.0  # how long after its submitter's death a job may still appear: sbatch outlives who called it
)
POLL_SECONDS = 2.0


@dataclass(frozen=True)
class Intent:
    """Cells that are being submitted as one array, or were when their submitter died.

    Attributes:
        path: The file.
        record: `cells` in the array's order, `job` (what `job.json` will say beside id and output) and `task`
            (arguments of `slurm_job.CellJob` beside store and cell).
    """

    path: Path
    record: Record

    @property
    def token(self) -> str:
        """The job's comment."""
        return self.path.stem

    @property
    def store(self) -> Store:
        """The store it lies in."""
        return Store(self.path.parents[2])

    def cells(self) -> list[Cell]:
        """The cells, in the array's order."""
        return [self.store.cell(id_) for id_ in self.record["cells"]]

    def withdraw(self) -> None:
        """Forgets it: there is no such job."""
        self.path.unlink(missing_ok=True)

    def fulfil(self, ids: Sequence[str]) -> None:
        """Writes every cell's job down.

        Args:
            ids: One per cell, as Slurm names array tasks.
        """
        for cell, id_ in zip(self.cells(), ids, strict=True):
            output = self.store.root / "slurm" / f"{id_}_0_log.out"
            cell.write("job", {"id": id_} | self.record["job"] | {"output": str(output)})
        self.withdraw()


@dataclass(frozen=True)
class Adopted:
    """What became of submissions whose submitters died."""

    jobs: dict[str, list[Cell]]  # array id to its cells, which know it from now on
    unknown: list[Cell]  # may have a job; Slurm does not answer


def declare(cells: Sequence[Cell], job: Record, task: Record) -> Intent:
    """Writes down that these cells are about to be submitted as one array; the caller holds STORE/slurm/lock."""
    folder = cells[0].path.parents[1] / "slurm" / "intents"
    intent = Intent(
        folder / f"{secrets.token_hex(6)}.json",
        {"cells": [cell.id for cell in cells], "job": job, "task": task},
    )
    files.write_json(intent.path, intent.record)
    return intent


def intents(store: Store) -> Iterator[Intent]:
    """Every submission that was written down and not finished."""
    for path in sorted((store.root / "slurm" / "intents").glob("*.json")):
        if record := files.read_json(path):
            yield Intent(path, record)


def adopt(store: Store) -> Adopted:
    """Finds the jobs of submitters that died, and gives them to their cells; the caller holds STORE/slurm/lock.

    Returns at once where no submitter died. A job may still appear a while after its submitter's death and is waited
    for so long.
    """
    adopted = Adopted({}, [])
    if not (open_ := list(intents(store))):
        return adopted
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = slurm_queue.commented(NAME)
        for intent in list(open_):
            id_ = (found or {}).get(intent.token)
            settled = time.time() - intent.record["job"]["submitted"] > SETTLE_SECONDS
            if id_ is not None:
                adopted.jobs[id_] = _take(intent, id_)
            elif found is not None and (settled or time.monotonic() > deadline):
                intent.withdraw()
            else:
                continue
            open_.remove(intent)
        if not open_ or found is None:
            break
        time.sleep(POLL_SECONDS)
    adopted.unknown.extend(cell for intent in open_ for cell in intent.cells())
    return adopted


def _take(intent: Intent, array: str) -> list[Cell]:
    """Finishes a submission: files that its submitter did not get to write, then every cell's job.

    A task that ended before its file was there never began to train: nothing is recorded of it.
    """
    from submitit.core.utils import DelayedSubmission, JobPaths

    from bench.launch.slurm_job import CellJob

    cells = intent.cells()
    ids = [f"{array}_{index}" for index in range(len(cells))] if len(cells) > 1 else [array]
    jobs = slurm_queue.jobs(ids)
    folder, known = intent.store.root / "slurm", []
    for cell, id_ in zip(cells, ids, strict=True):
        pickled = JobPaths(folder, job_id=id_).submitted_pickle
        if not pickled.exists():
            if not jobs[id_].alive:
                continue
            DelayedSubmission(CellJob(str(intent.store.root), cell.id, **intent.record["task"])).dump(pickled)
        known.append((cell, id_))
    part = Intent(intent.path, intent.record | {"cells": [cell.id for cell, _ in known]})
    part.fulfil([id_ for _, id_ in known])
    return [cell for cell, _ in known]
