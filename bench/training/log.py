"""What a cell says while it trains: lines of its `log.txt`, for whoever looks there first."""

import contextlib
import sys
import time
from collections.abc import Mapping
from typing import Any

from accelerate import Accelerator


def tell(accelerator: Accelerator, line: str) -> None:
    """A line with the time of day, from process 0; lost where the log lies on a full disk."""
    if accelerator.is_main_process:
        with contextlib.suppress(OSError):
            print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def epoch_line(record: Mapping[str, Any], epochs: int, split: str, better: bool) -> str:
    """An epoch's record of the history in words.

    Args:
        record: As `history.jsonl` holds it.
        epochs: Of the recipe.
        split: That chooses the epoch.
        better: Whether it is the best so far.
    """
    scored = record[split]
    return (
        f"epoch {record['epoch'] + 1}/{epochs}: loss {record['loss']:.4g}, "
        f"{split} mIoU {scored['mIoU']:.2f} oIoU {scored['oIoU']:.2f}{', the best so far' if better else ''}, "
        f"{record['images'] / max(record['seconds'], 1e-3):.3g} images/s with evaluation"
    )
