"""One cell from start to finish: build, train, choose the epoch, score, write.

A cell is locked while it runs, so it is never trained twice at once.
"""

import contextlib
import gc
import os
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any

from bench.config.compose import restore
from bench.config.schema import Config
from bench.storage.cell import Cell, Record
from bench.storage.files import NO_SPACE, no_space
from bench.tracking.live import live
from bench.training import distributed, interrupt
from bench.training.interrupt import Stop

BUSY = 75  # exit code: another process is training this cell (EX_TEMPFAIL)


def run_cell(
    cell: Cell,
    checkpoint_seconds: float = 0.0,
    stop: Stop = lambda history: False,
    owner: Record | None = None,
    most: Mapping[str, int] | None = None,
) -> bool:
    """Brings a planned cell to `done`; a failure is recorded in its state, never raised.

    A signal noted by `interrupt` ends it early: the state is saved, the cell counts as lost, and goes on from
    there when it is run again.

    Args:
        cell: A planned cell.
        checkpoint_seconds: Time between checkpoints; 0: what they take decides (`checkpoint.Pace`).
        stop: Asked after every epoch whether to leave the cell there, resumable (`bench.tune` gives up poor trials).
        owner: More of who trains it, for `state.json`: a cluster's job.
        most: How many references of each split are enough; None: all, as anything but a rehearsal needs.

    Returns:
        False when another process is training the cell.
    """
    if distributed.rank() > 0:
        return _assist(cell, checkpoint_seconds, stop, most)
    with cell.lock() as free:
        if not free:
            return False
        if cell.done:
            return True
        distributed.begin(True)
        started = time.time()
        attempt = cell.state().get("attempt", 0) + 1
        me = {"host": socket.gethostname(), "pid": os.getpid(), "attempt": attempt, "started": started}
        me |= {"job": None, "resumed": None} | (owner or {})
        cell.update_state(state="running", error=None, cause=None, finished=None, warnings=[], **me)
        distributed.watch(lambda cause: _fail(cell, cause, started))
        try:
            config = _config(cell, checkpoint_seconds)
            with live(cell, config.tracking):
                _make(cell, config, stop, most)
        except interrupt.Superseded:
            distributed.leave("another process took the cell over", fault=False)
            return False
        except interrupt.Interrupted as asked:
            finished = _ended(started, state="lost", cause=str(asked))
        except Exception as error:
            full = no_space(error)
            cause = NO_SPACE if full else distributed.cause(error)
            said = None if full else traceback.format_exc()
            with contextlib.suppress(OSError):  # the log may lie on the same full disk
                print(said or cause, file=sys.stderr, flush=True)
            finished = _failed(cause, said, started)
            if cell.done:  # what comes after the numbers takes nothing from them
                cell.warn(f"after its scores were written: {cause}")
                finished = _ended(started, state="done")
        else:
            finished = _ended(started, state="done" if cell.done else "stopped")
        try:
            cell.update_state(**finished)
        except OSError as error:
            if not no_space(error):
                raise
            print(f"{error.filename}: {NO_SPACE}", file=sys.stderr)
        if finished["state"] == "failed":
            distributed.leave(finished["cause"])
        _free_memory()
    return True


def _ended(started: float, **known: Any) -> Record:
    return {**known, "finished": time.time(), "seconds": round(time.time() - started, 2)}


def _fail(cell: Cell, cause: str, started: float) -> None:
    """Records that another process left, where this one cannot come to it."""
    if not cell.done:
        cell.update_state(**_failed(cause, cause, started))


def _failed(cause: str, error: str | None, started: float) -> Record:
    return _ended(started, state="failed", cause=cause, error=error)


def _free_memory() -> None:
    """Leaves the next cell of this process all of it; what autocast wraps holds itself and is not freed at once."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        torch.cuda.empty_cache()


def _assist(cell: Cell, checkpoint_seconds: float, stop: Stop, most: Mapping[str, int] | None) -> bool:
    """Trains beside process 0, which alone holds the lock and writes; False where it leaves the cell to others."""
    if not distributed.begin(True):
        return False
    distributed.watch(lambda cause: None)
    try:
        _make(cell, _config(cell, checkpoint_seconds), stop, most)
    except interrupt.Interrupted:
        pass  # process 0 says so
    except Exception as error:
        if (cause := distributed.cause(error)) == distributed.left():
            print(f"ended: {cause}", file=sys.stderr, flush=True)
            return True
        traceback.print_exc()
        distributed.leave(cause)
        sys.exit(1)
    return True


def _config(cell: Cell, checkpoint_seconds: float) -> Config:
    config = restore(cell.config())
    config.launcher.checkpoint_seconds = checkpoint_seconds
    return config


def _make(cell: Cell, config: Config, stop: Stop, most: Mapping[str, int] | None) -> None:
    from bench.training.result import make_result

    make_result(cell, config, int(cell.description()["identity"].get("seed", 0)), stop, most)
