"""`python -m bench.gc`: frees what no command needs any more. Asks first. Imports no torch."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.launch import slurm_queue
from bench.storage.files import folder_size, locked, size
from bench.storage.store import Cell, Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command

USAGE = """
Lists what can go, asks, and removes it:
  - resumable states of cells that are done (their best weights, numbers and samples stay)
  - orphaned cells: no plan of the store names them, or ever named them; those with results go only for the word
  - code snapshots and submission files that belong to no cell's last job

  python -m bench.gc
  python -m bench.gc yes=true            without asking; cells with results stay unless the word is typed
  python -m bench.gc orphans=false       keep the cells of studies whose plans are gone

keys: store=runs  yes=false  orphans=true
exit codes: 0 done, 2 the request is wrong
"""

RESULTS, WORD = "orphaned cells with results", "delete"


@dataclass(frozen=True)
class Rubbish:
    """One file or folder that can go."""

    kind: str
    path: Path
    bytes: int


@dataclass
class Arguments:
    """Arguments of `python -m bench.gc`."""

    store: str = "runs"
    yes: bool = False
    orphans: bool = True


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    if not store.root.is_dir():
        raise UserError(f"store={arguments.store}: there is no such folder.", "Pass store=DIR.")
    found = list(rubbish(store, orphans=arguments.orphans))
    if not found:
        print("Nothing can go.")
        return 0
    kinds: dict[str, list[Rubbish]] = {}
    for each in found:
        kinds.setdefault(each.kind, []).append(each)
    for kind, members in kinds.items():
        print(f"{len(members)} {kind}: {size(sum(each.bytes for each in members))}")
        for each in members:
            print(f"  {each.path}  {size(each.bytes)}")
    found = _chosen(found, arguments.yes)
    if not found:
        print("Nothing was removed.")
        return 0
    with locked(store.root / "slurm" / "lock"):  # no submission meanwhile, and none since the question
        found = [each for each in rubbish(store, orphans=arguments.orphans) if each in found]
        for each in found:
            if each.path.is_dir():
                shutil.rmtree(each.path)
            else:
                each.path.unlink(missing_ok=True)
    print(f"Removed {size(sum(each.bytes for each in found))}.")
    return 0


def rubbish(store: Store, *, orphans: bool = True) -> Iterator[Rubbish]:
    """What can go; nothing that a process holds or a job may still need.

    Args:
        store: The store.
        orphans: Whether cells that no plan ever named count.
    """
    cells = store.cells()
    jobs = slurm_queue.look(cell.job()["id"] for cell in cells if cell.job())
    planned = store.planned()
    kept: list[Cell] = []
    for cell in cells:
        idle = not cell.locked() and not (cell.job() and not cell.done and jobs[cell.job()["id"]].alive)
        if orphans and idle and cell.id not in planned:
            results = any((cell.path / name).exists() for name in ("metrics.json", "samples.parquet"))
            yield Rubbish(RESULTS if results else "orphaned cells", cell.path, folder_size(cell.path))
            continue
        kept.append(cell)
        if cell.done and idle:
            for path in sorted(cell.checkpoints.glob("state-*.pt")):
                yield Rubbish("states of done cells", path, path.stat().st_size)
    snapshots = {cell.job().get("snapshot") for cell in kept}
    for path in sorted((store.root / "snapshots").glob("*")):
        if path.name not in snapshots:
            yield Rubbish("code snapshots", path, folder_size(path))
    alive = {job.id.partition("_")[0] for job in jobs.values() if job.alive}
    last = {cell.job().get("id", "").partition("_")[0] for cell in kept if not cell.done}
    for path in sorted((store.root / "slurm").glob("[0-9]*")):
        if path.name.partition("_")[0] not in alive | last:
            yield Rubbish("submission files", path, path.stat().st_size)


def _chosen(found: list[Rubbish], yes: bool) -> list[Rubbish]:
    """What may go: results only for the word, whatever `yes` says."""
    results = [each for each in found if each.kind == RESULTS]
    others = [each for each in found if each.kind != RESULTS]
    if others and not yes and _said("Remove all this? [y/N] ") not in ("y", "yes"):
        return []
    if results and _said(f"Type {WORD} to remove {len(results)} cells with results too: ") != WORD:
        results = []
        print("Cells with results stay.")
    return others + results


def _said(question: str) -> str:
    try:
        return input(question).strip().lower()
    except EOFError:
        print()
        return ""


if __name__ == "__main__":
    sys.exit(main())
