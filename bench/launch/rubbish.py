"""What no command needs any more, and removing it while nothing is submitted. Imports no torch."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.launch import slurm_intents, slurm_queue
from bench.storage.cell import Cell
from bench.storage.files import folder_size, locked
from bench.storage.store import Store

DAY = 86_400.0  # seconds
RESULTS = "orphaned cells with results"  # these go only for a word


@dataclass(frozen=True)
class Rubbish:
    """One file or folder that can go."""

    kind: str
    path: Path
    bytes: int


def rubbish(store: Store, *, orphans: bool = True) -> Iterator[Rubbish]:
    """What can go; nothing that a process holds or a job may still need.

    Args:
        store: The store.
        orphans: Whether cells that no plan ever named count.
    """
    cells = store.cells()
    jobs = slurm_queue.jobs(cell.job()["id"] for cell in cells if cell.job())
    planned = store.planned()
    interrupted = list(slurm_intents.intents(store))  # submissions whose job nobody knows yet
    submitted = {id_ for intent in interrupted for id_ in intent.record["cells"]}
    kept: list[Cell] = []
    for cell in cells:
        idle = (
            cell.id not in submitted
            and not cell.locked()
            and not (cell.job() and not cell.done and jobs[cell.job()["id"]].alive)
        )
        if orphans and idle and cell.id not in planned:
            results = any((cell.path / name).exists() for name in ("metrics.json", "samples.parquet"))
            yield Rubbish(RESULTS if results else "orphaned cells", cell.path, folder_size(cell.path))
            continue
        kept.append(cell)
        if cell.done and idle:
            for path in sorted(cell.checkpoints.glob("state-*.pt")):
                yield Rubbish("states of done cells", path, path.stat().st_size)
    for path in sorted((store.root / "rehearsals").glob("scratch-*")):
        if (
            not any(cell.locked() for cell in Store(path).cells())
            and time.time() - path.stat().st_mtime > DAY
        ):
            yield Rubbish("rehearsals that were killed", path, folder_size(path))
    snapshots = {cell.job().get("snapshot") for cell in kept}
    snapshots |= {intent.record["job"]["snapshot"] for intent in interrupted}
    for path in sorted((store.root / "snapshots").glob("*")):
        if path.name not in snapshots:
            yield Rubbish("code snapshots", path, folder_size(path))
    alive = {job.id.partition("_")[0] for job in jobs.values() if job.alive}
    last = {cell.job().get("id", "").partition("_")[0] for cell in kept if not cell.done}
    for path in sorted((store.root / "slurm").glob("[0-9]*")):
        if path.name.partition("_")[0] not in alive | last:
            yield Rubbish("submission files", path, path.stat().st_size)


def remove(store: Store, agreed: list[Rubbish], *, orphans: bool = True) -> list[Rubbish]:
    """Removes what was agreed on and still is rubbish; nothing is submitted meanwhile, or was since the question.

    Returns:
        What was removed.
    """
    with locked(store.root / "slurm" / "lock"):
        found = [each for each in rubbish(store, orphans=orphans) if each in agreed]
        for each in found:
            if each.path.is_dir():
                shutil.rmtree(each.path)
            else:
                each.path.unlink(missing_ok=True)
    return found
