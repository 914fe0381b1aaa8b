"""Resumable training states: written whole or not at all, and a damaged one falls back to the one before."""

import errno
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.storage.files import NO_SPACE, no_space, sync_folder

KEPT = 2
_NAME = re.compile(r"state-(\d{9})-([0-9a-f]{16})\.pt")


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
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        _give_up(temporary, error)
        raise
    os.replace(temporary, folder / f"state-{step:09d}-{_digest(temporary)}.pt")
    sync_folder(folder)
    newest = (
        f"state-{step:09d}-~"  # later ones were passed over when training went back: none goes on from them
    )
    for old in [path for path in _newest_first(folder) if path.name > newest]:
        old.unlink(missing_ok=True)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


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


def drop_old_bests(folder: Path, newest: int) -> None:
    """Keeps as many bests as states: no kept state refers to an older one, nor to one after `newest`."""
    found = sorted(folder.glob("best-*.safetensors"), reverse=True)
    kept = [path for path in found if path <= _best(folder, newest)][:KEPT]
    for old in found:
        if old not in kept:
            old.unlink(missing_ok=True)


def keep_only_best(folder: Path, epoch: int) -> None:
    """Names the finished cell's weights `best.safetensors` and drops the other epochs'."""
    chosen = _best(folder, epoch)
    if chosen.exists():
        os.replace(chosen, folder / "best.safetensors")
    for other in folder.glob("best-*.safetensors"):
        other.unlink(missing_ok=True)


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
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
