"""`python -m bench.cancel`: takes a study's cells out of the cluster's queue. Imports no torch."""

import subprocess
import sys
from dataclasses import dataclass

from bench.launch import slurm_queue
from bench.storage.store import Cell, Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command

USAGE = """
Cancels the waiting and running jobs of a study. What they saved stays: the same `bench.run` goes on from there.

  python -m bench.cancel ablation=fiam
  python -m bench.cancel cell=0123456789ab

keys: store=runs  ablation=NAME  cell=ID
exit codes: 0 done, 1 Slurm did not cancel, 2 the request is wrong
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.cancel`."""

    store: str = "runs"
    ablation: str | None = None
    cell: str | None = None


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 Slurm did not cancel, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    cells = chosen(Store(arguments.store), arguments.ablation, arguments.cell)
    jobs = {cell.id: cell.job()["id"] for cell in cells if cell.job() and not cell.done}
    seen = slurm_queue.look(jobs.values())
    alive = {cell: id_ for cell, id_ in jobs.items() if seen[id_].alive}
    if not alive:
        print("No job of these cells waits or runs.")
        return 0
    try:
        done = subprocess.run(["scancel", *alive.values()], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(f"scancel: {error}. Run it by hand: scancel {' '.join(alive.values())}", file=sys.stderr)
        return 1
    if done.returncode:
        print(f"scancel: {done.stderr.strip()}", file=sys.stderr)
        return 1
    for cell, id_ in alive.items():
        print(f"cancelled job {id_} of cell {cell}")
    return 0


def chosen(store: Store, ablation: str | None, cell: str | None) -> list[Cell]:
    """The cells named on the command line.

    Raises:
        UserError: Neither a study nor a cell is named, or it does not exist.
    """
    if cell is not None:
        found = store.cell(cell)
        if not found.description():
            raise UserError(
                f"cell={cell}: {store.root} holds no such cell.", "`python -m bench.status` lists them."
            )
        return [found]
    if ablation is None:
        raise UserError("What should be cancelled is not named.", "Pass ablation=NAME or cell=ID.")
    rows = store.study(ablation, begun=True)["rows"]
    return [store.cell(id_) for id_ in dict.fromkeys(cell["id"] for row in rows for cell in row["cells"])]


if __name__ == "__main__":
    sys.exit(main())
