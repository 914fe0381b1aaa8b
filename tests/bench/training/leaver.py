"""One of several processes that train a cell, in which something goes wrong; for `test_distributed.py` beside it.

python leaver.py CASE key=value...    the words are those of `bench.cell`
"""

import signal
import sys
from typing import Any

import torch

from bench import cell
from bench.storage.cell import Cell
from bench.training import distributed, interrupt, result, train
from bench.training.train import Progress, Report

case, *words = sys.argv[1:]
guilty, steps = distributed.rank() == (0 if case.endswith("0") else 1), 0


def reporter(cell: Cell, images: int) -> Report:
    def report(progress: Progress, batches: int) -> None:
        global steps
        steps += 1
        if steps == 2 and case == "superseded0":
            raise interrupt.Superseded

    return report


def losing(*given: Any, **named: Any) -> Any:
    global steps
    steps += 1
    if guilty and steps > 4 and case.startswith("memory"):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")
    return gradients(*given, **named)


def stopped(done: int, total: int) -> None:
    if guilty and case.startswith("signal"):
        interrupt._received.append(signal.SIGTERM)
    stop(done, total)


gradients, stop = train._gradients, train.stop_at_signal
result.reporter = reporter
train._gradients = losing
(result if case.startswith("signalled") else train).stop_at_signal = stopped
sys.argv = ["bench.cell", *words]
sys.exit(cell.main())
