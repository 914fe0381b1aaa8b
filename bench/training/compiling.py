"""`recipe.compile`: training steps as fused kernels; numbers change within rounding, so cells have ids of their own."""

import os
from pathlib import Path

import torch
from torch import nn

from bench.terminal.errors import one_line

FOLDER = "TORCHINDUCTOR_CACHE_DIR"  # what was compiled once is read from there by later cells


def compile_steps(model: nn.Module, device: torch.device, cache: Path) -> str | None:
    """Has a model's forward and backward pass compiled when it first trains; scoring runs as it is.

    Args:
        model: Compiled in place: its parameters keep their names.
        device: On which it computes.
        cache: Folder for what is compiled, shared by all cells.

    Returns:
        Why nothing is compiled here, in a line; None: it will be.
    """
    os.environ.setdefault(FOLDER, str(cache.resolve()))
    if why := _impossible(device):
        return why
    torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it is
    model.compile(dynamic=False)
    return None


def _impossible(device: torch.device) -> str | None:
    """Compiles a line, which needs Triton on a GPU and a C++ compiler on a CPU."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # whatever a compiler may raise
        return one_line(error)
    return None
