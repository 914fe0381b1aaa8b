"""One cell from start to finish: build, train, choose the epoch, score, write. `python -m bench.cell store= id=`.

Launchers call this; people call `bench.run`. A cell is locked while it runs, so it is never trained twice at once.
"""

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass

from bench import distributed, interrupt
from bench.arguments import parse
from bench.compose import restore
from bench.config import Config
from bench.errors import UserError, command
from bench.interrupt import Stop
from bench.store import Cell, Record, Store
from bench.tracking.live import live

USAGE = """
Trains one planned cell, or goes on where it stopped. Launchers call this.

  python -m bench.cell store=runs id=0123456789ab [threads=1] [checkpoint_seconds=60]
"""
BUSY = 75  # exit code: another process is training this cell (EX_TEMPFAIL)


@dataclass
class Arguments:
    """Arguments of `python -m bench.cell`."""

    store: str = "runs"
    id: str = ""
    threads: int = 0
    checkpoint_seconds: float = 60.0
    die_with_parent: bool = False  # end when standard input closes


def run_cell(
    cell: Cell,
    checkpoint_seconds: float = 60.0,
    stop: Stop = lambda history: False,
    owner: Record | None = None,
) -> bool:
    """Brings a planned cell to `done`; a failure is recorded in its state, never raised.

    A signal noted by `bench.interrupt` ends it early: the state is saved, the cell counts as lost, and goes on from
    there when it is run again.

    Args:
        cell: A planned cell.
        checkpoint_seconds: Time between checkpoints.
        stop: Asked after every epoch whether to leave the cell there, resumable (`bench.tune` gives up poor trials).
        owner: More of who trains it, for `state.json`: a cluster's job.

    Returns:
        False when another process is training the cell.
    """
    if distributed.rank() > 0:
        return _assist(cell, checkpoint_seconds, stop)
    with cell.lock() as free:
        if not free:
            return False
        if cell.done:
            return True
        distributed.begin(True)
        started = time.time()
        attempt = cell.state().get("attempt", 0) + 1
        mine = {"host": socket.gethostname(), "pid": os.getpid(), "attempt": attempt, "started": started}
        mine |= {"job": None} | (owner or {})
        cell.update_state(state="running", error=None, cause=None, finished=None, **mine)
        try:
            config = _config(cell, checkpoint_seconds)
            with live(cell, config.tracking):
                _make(cell, config, stop)
        except interrupt.Superseded:
            return False
        except interrupt.Interrupted as asked:
            finished: Record = {"state": "lost", "cause": str(asked)}
        except Exception as error:
            cause = error.what if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            finished = {
                "state": "failed",
                "cause": cause.splitlines()[0],
                "error": traceback.format_exc(),
            }
            print(finished["error"], file=sys.stderr, flush=True)
        else:
            finished = {"state": "done" if cell.done else "stopped"}
        finished |= {"finished": time.time(), "seconds": round(time.time() - started, 2)}
        cell.update_state(**finished)
    return True


def _assist(cell: Cell, checkpoint_seconds: float, stop: Stop) -> bool:
    """Trains beside process 0, which alone holds the lock and writes; False where it leaves the cell to others."""
    if not distributed.begin(True):
        return False
    with contextlib.suppress(interrupt.Interrupted):  # process 0 says so
        _make(cell, _config(cell, checkpoint_seconds), stop)
    return True


def _config(cell: Cell, checkpoint_seconds: float) -> Config:
    config = restore(cell.config())
    config.launcher.checkpoint_seconds = checkpoint_seconds
    return config


def _make(cell: Cell, config: Config, stop: Stop) -> None:
    from bench.result import make_result

    make_result(cell, config, int(cell.description()["identity"].get("seed", 0)), stop)


def exit_at_end_of_input() -> None:
    """Ends this process at once when the launcher is gone; the last checkpoint stays, as with any kill."""
    while os.read(0, 1024):  # not sys.stdin: a buffered read still waiting at exit aborts the interpreter
        pass
    os._exit(1)


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
        threading.Thread(target=exit_at_end_of_input, daemon=True).start()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    try:
        trained = run_cell(cell, arguments.checkpoint_seconds)
    finally:
        distributed.end()
    if not trained:
        return BUSY
    return 0 if cell.done or distributed.rank() > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
