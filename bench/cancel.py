"""`python -m bench.cancel`: takes a study's cells out of the cluster's queue. Imports no torch."""

import sys
from dataclasses import dataclass

from bench.launch.cancel import alive_jobs, cancel, named_cells
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import command
from bench.terminal.paths import path

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

    store: str = path("runs")
    ablation: str | None = None
    cell: str | None = None


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 Slurm did not cancel, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    alive = alive_jobs(store, named_cells(store, arguments.ablation, arguments.cell))
    if not alive:
        print("No job of these cells waits or runs.")
        return 0
    if problem := cancel(alive.values()):
        print(problem, file=sys.stderr)
        return 1
    for cell, id_ in alive.items():
        print(f"cancelled job {id_} of cell {cell}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
