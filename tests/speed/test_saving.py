"""How long a training state of paper scale takes to be saved; needs 8 GB of memory and 12 GB of disk.

pytest tests/speed -m slow -o addopts=--import-mode=importlib --benchmark-only
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from bench.training import checkpoint

TENSORS, NUMBERS = 240, 1 << 22  # 4 GB: FIANet's weights and AdamW's two moments of each, with some to spare


@pytest.mark.slow
def test_saving_four_gigabytes(benchmark: Any, tmp_path: Path) -> None:
    state = {"model": {str(index): torch.full((NUMBERS,), float(index)) for index in range(TENSORS)}}
    steps = iter(range(100))
    benchmark.pedantic(lambda: checkpoint.save(tmp_path, state, next(steps)), rounds=3)
    found = checkpoint.load(tmp_path)
    assert found is not None
    assert found["model"]["7"][0] == 7
