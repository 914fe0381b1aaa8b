"""`recipe.compile`: training steps as fused kernels; numbers change within rounding, so cells have ids of their own."""

import os
from pathlib import Path
from typing import cast

import torch
from torch import nn

from bench.terminal.errors import one_line

FOLDER = "TORCHINDUCTOR_CACHE_DIR"  # what was compiled once is read from there by later cells


def compile_steps(model: nn.Module, device: torch.device, cache: Path) -> tuple[nn.Module, str | None]:
    """A model beside this one, of the same weights, whose forward and backward pass is compiled when it first trains.

    Args:
        model: Stays as it is: scoring, whose batches differ in size, is not compiled.
        device: On which it computes.
        cache: Folder for what is compiled, shared by all cells.

    Returns:
        What trains, and why it is the model itself where nothing can be compiled here, in a line.
    """
    os.environ.setdefault(FOLDER, str(cache.resolve()))
    if why := _impossible(device):
        return model, why
    torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs as it is
    return cast(nn.Module, torch.compile(model, dynamic=False)), None


def _impossible(device: torch.device) -> str | None:
    """Compiles a line, which needs Triton on a GPU and a C++ compiler on a CPU."""
    try:
        torch.compile(lambda x: x.sin() + 1)(torch.ones(8, device=device))
    except Exception as error:  # whatever a compiler may raise
        return one_line(error)
    return None
