"""What ends a training early: signals (it finishes its step, saves its state and ends), or whoever asked for it."""

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

Stop = Callable[[list[dict[str, Any]]], bool]
"""Asked with the history after an epoch: whether to leave the cell there for now."""

_received: list[signal.Signals] = []


class Interrupted(Exception):
    """Training stopped because a signal asked for it; the state is saved."""


class Superseded(Exception):
    """Another process has taken this cell over; this one must not write to it any more."""


def listen(*signals: signal.Signals) -> None:
    """Notes these signals instead of dying from them. For the main thread."""
    _received.clear()
    for each in signals:
        signal.signal(each, _note)


def received() -> signal.Signals | None:
    """The first signal noted, or None."""
    return _received[0] if _received else None


def check(beside: bool = False) -> None:
    """Raises `Interrupted` when a signal was noted, or one of the processes `beside` this one noted one."""
    if _received or beside:
        by = _received[0].name if _received else "a signal to a process beside it"
        raise Interrupted(f"stopped by {by}; its state is saved")


def _note(number: int, frame: FrameType | None) -> None:
    _received.append(signal.Signals(number))


def exit_at_end_of_input() -> None:
    """Ends this process at once when the launcher is gone; the last checkpoint stays, as with any kill."""
    while os.read(0, 1024):  # not sys.stdin: a buffered read still waiting at exit aborts the interpreter
        pass
    os._exit(1)
