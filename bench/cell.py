"""`python -m bench.cell store= id=`: trains one planned cell. Launchers call this; people call `bench.run`."""

import sys
import threading
from dataclasses import dataclass

from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from bench.training import distributed, interrupt
from bench.training.cell import BUSY, run_cell

USAGE = """
Trains one planned cell, or goes on where it stopped. Launchers call this.

  python -m bench.cell store=runs id=0123456789ab
  python -m bench.cell store=runs id=0123456789ab threads=1 checkpoint_seconds=0
"""


@dataclass
class Arguments:
    """Arguments of `python -m bench.cell`."""

    store: str = path("runs")
    id: str = ""
    threads: int = 0
    checkpoint_seconds: float = 0.0
    rehearse: bool = False  # a scratch cell, for `bench.launch.rehearsal`
    die_with_parent: bool = False  # end when standard input closes


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 1 failed, 75 another process is training it."""
    arguments = parse(argv, Arguments, USAGE)
    cell = Store(arguments.store).cell(arguments.id)
    if not cell.description():
        raise UserError(
            f"id={arguments.id}: {arguments.store} holds no such cell.", "Cells are planned by bench.run."
        )
    if arguments.die_with_parent:
        threading.Thread(target=interrupt.exit_at_end_of_input, daemon=True).start()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    try:
        if arguments.rehearse:
            from bench.training.rehearsal import rehearse_cell

            return 0 if not rehearse_cell(cell, arguments.checkpoint_seconds).problems else 1
        trained = run_cell(cell, arguments.checkpoint_seconds)
    finally:
        distributed.end()
    if not trained:
        return BUSY
    return 0 if cell.done or distributed.rank() > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
