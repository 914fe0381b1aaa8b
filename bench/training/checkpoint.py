"""Resumable training states: written whole or not at all, and a damaged one falls back to the one before."""

import hashlib
import os
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from bench.storage.files import sync_folder

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
    except BaseException:  # a full disk: make room for the message that says so
        temporary.unlink(missing_ok=True)
        raise
    os.replace(temporary, folder / f"state-{step:09d}-{_digest(temporary)}.pt")
    sync_folder(folder)
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)
    for leftover in folder.glob(".*.tmp"):
        leftover.unlink(missing_ok=True)


def load(folder: Path) -> dict[str, Any] | None:
    """The newest undamaged state, or None."""
    for path in _newest_first(folder):
        match = _NAME.fullmatch(path.name)
        if match and _digest(path) == match[2]:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            return state
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
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    os.replace(temporary, folder / f"best-{epoch:04d}.safetensors")
    sync_folder(folder)


def drop_old_bests(folder: Path) -> None:
    """Keeps as many bests as states: no kept state refers to an older one."""
    for old in sorted(folder.glob("best-*.safetensors"), reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)


def keep_only_best(folder: Path, epoch: int) -> None:
    """Names the finished cell's weights `best.safetensors` and drops the other epochs'."""
    chosen = folder / f"best-{epoch:04d}.safetensors"
    if chosen.exists():
        os.replace(chosen, folder / "best.safetensors")
    for other in folder.glob("best-*.safetensors"):
        other.unlink(missing_ok=True)


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*.pt"), reverse=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
