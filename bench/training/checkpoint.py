"""Resumable training states: written whole or not at all, and a damaged one falls back to the one before."""

import errno
import hashlib
import os
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.storage.files import NO_SPACE, no_space, sync_folder

KEPT = 2
DIGITS = 16  # of the digest in a state's name
LEAST_SECONDS = 60.0
SHARE = 50
_NAME = re.compile(rf"state-(\d{{9}})-([0-9a-f]{{{DIGITS}}})\.pt")


def save(folder: Path, state: dict[str, Any], step: int) -> None:
    """Writes a state beside the one before it and drops older ones.

    The file's name carries its digest, so one rename makes content and check appear together.

    Args:
        folder: The cell's `checkpoints/`.
        state: Tensors, numbers, strings, lists and dicts only (`torch.load(weights_only=True)` reads it back).
        step: Optimiser steps done; the newest state has the largest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".state.{os.getpid()}.tmp"
    try:
        with temporary.open("wb") as file:
            hashing = _Hashing(file)
            torch.save(state, cast(IO[bytes], hashing))
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        _give_up(temporary, error)
        raise
    os.replace(temporary, folder / f"state-{step:09d}-{hashing.digest()}.pt")
    sync_folder(folder)
    # later ones were passed over when training went back: none goes on from them
    newest = f"state-{step:09d}-~"
    for old in [path for path in _newest_first(folder) if path.name > newest]:
        old.unlink(missing_ok=True)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


class _Hashing:
    """A file that is hashed while it is written: gigabytes are not read again for it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, content: Any) -> int:
        """For `torch.save`, which writes from front to back."""
        self._hash.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        """For `torch.save`."""
        self._file.flush()

    def digest(self) -> str:
        """As in the names of states."""
        return self._hash.hexdigest()[:DIGITS]


class Pace:
    """When a state is due: saving costs at most 2 % of the time, whatever a state weighs.

    Args:
        seconds: Between saves; 0: at least `LEAST_SECONDS`, and `SHARE` times what the last save took.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._cost, self._saved = seconds, 0.0, time.monotonic()

    def due(self) -> bool:
        """Whether so much was trained since the last save that losing it would hurt."""
        wanted = self._seconds or max(LEAST_SECONDS, SHARE * self._cost)
        return time.monotonic() - self._saved > wanted

    def cheap(self) -> bool:
        """Whether a save that nobody needs yet would cost little."""
        return bool(self._seconds) or time.monotonic() - self._saved >= SHARE * self._cost

    def spent(self, seconds: float) -> None:
        """Takes note of a save that took so long and has just ended."""
        self._cost, self._saved = seconds, time.monotonic()


def load(folder: Path, say: Callable[[str], None] = lambda line: None) -> dict[str, Any] | None:
    """The newest undamaged state whose best weights are there, or None.

    Args:
        folder: The cell's `checkpoints/`.
        say: Told in one line where states had to be passed over because their best weights are gone.
    """
    gone = ""
    for path in _newest_first(folder):
        match = _NAME.fullmatch(path.name)
        if not (match and _digest(path) == match[2]):
            continue
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        best = state["progress"].get("best_epoch", -1)
        if best < 0 or _readable(_best(folder, best)) or _readable(folder / "best.safetensors"):
            if gone:
                say(f"{gone} is gone or damaged: training goes back to step {int(match[1])}")
            return state
        gone = gone or str(_best(folder, best))
    if gone:
        say(f"{gone} is gone or damaged, as are those of older states: training starts over")
    return None


def newest_step(folder: Path) -> int:
    """Optimiser steps done in the newest state; -1 where there is none."""
    matches = [match for path in _newest_first(folder) if (match := _NAME.fullmatch(path.name))]
    return int(matches[0][1]) if matches else -1


def save_best(folder: Path, weights: dict[str, torch.Tensor], epoch: int) -> None:
    """Writes the weights of the best epoch so far; the best before stays until the next state is safe."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".best.{os.getpid()}.tmp"
    try:
        save_file({name: tensor.contiguous() for name, tensor in weights.items()}, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException as error:
        _give_up(temporary, error)
        raise
    os.replace(temporary, _best(folder, epoch))
    sync_folder(folder)


def drop_old_bests(folder: Path, named: Collection[int]) -> None:
    """Keeps the bests of these epochs, which kept states name."""
    for path in folder.glob("best-*.safetensors"):
        if path not in {_best(folder, epoch) for epoch in named}:
            path.unlink(missing_ok=True)


def keep_only_best(folder: Path, epoch: int) -> None:
    """Names the finished cell's weights `best.safetensors` and drops the other epochs'."""
    chosen = _best(folder, epoch)
    if chosen.exists():
        os.replace(chosen, folder / "best.safetensors")
    for other in folder.glob("best-*.safetensors"):
        other.unlink(missing_ok=True)


def drop_states(folder: Path) -> None:
    """Drops what only a training that goes on needs."""
    for path in [*_newest_first(folder), *folder.glob(".*.tmp")]:
        path.unlink(missing_ok=True)


def _give_up(temporary: Path, error: BaseException) -> None:
    """Clears what could not be written; a full disk is said to be one (torch reports an unexpected position)."""
    temporary.unlink(missing_ok=True)  # makes room for the message
    if no_space(error):
        raise OSError(errno.ENOSPC, NO_SPACE, str(temporary.parent)) from error


def _best(folder: Path, epoch: int) -> Path:
    return folder / f"best-{epoch:04d}.safetensors"


def _readable(weights: Path) -> bool:
    """Whether a file of weights is there in full length."""
    try:
        with safe_open(weights, "pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*.pt"), reverse=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
