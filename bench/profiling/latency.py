"""How long a forward pass takes on this machine, and how much GPU memory."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.config.schema import Config
from bench.models.allocator import keep_memory
from bench.models.precision import computing, set_precision
from bench.profiling.counts import build_profiled, example
from bench.profiling.parts import metered
from bench.storage.environment import environment
from bench.terminal.errors import UserError

WARM_UP = {"cpu": 2, "cuda": 10}  # forward passes nobody times: kernels are chosen, memory is taken
LEAST = 5  # timed passes, however slow they are
Pass = Callable[[], object]


def measure(
    config: Config,
    batch_sizes: list[int],
    seconds: float,
    most: int = 100,
    report: Callable[[str], None] = lambda said: None,
) -> dict[str, Any]:
    """Times forward passes in the precision of the recipe, in which cells are scored.

    Args:
        config: What is built; weights are random.
        batch_sizes: Images per pass, each measured by itself.
        seconds: Timed per batch size; at least `LEAST` passes are.
        most: Timed passes at most.
        report: Told what is measured now.

    Returns:
        JSON-ready: `environment`, `measured` (UTC), and `batches`: batch size -> `latency_ms` {median, q1, q3},
        `passes`, `images_per_second` (at the median), `peak_memory` in bytes, weights included (None on a CPU), and
        `rooms`: median ms of each part, in passes of their own that wait for the device around every part.

    Raises:
        UserError: The GPU's memory does not hold a batch, or it does not compute in that precision.
    """
    device, precision = "cuda" if torch.cuda.is_available() else "cpu", config.recipe.precision
    set_precision(precision)
    keep_memory()
    torch.manual_seed(0)
    model = build_profiled(config).to(device)
    batches = {}
    for size in batch_sizes:
        report(f"{size} image{'s' if size > 1 else ''} a pass on {device}")
        inputs = tuple(each.to(device) for each in example(config, size))
        try:
            with torch.inference_mode(), computing(precision, device):
                batches[str(size)] = _measure_batch(model, inputs, device, seconds, most)
        except torch.OutOfMemoryError:
            raise UserError(
                f"batch_sizes: {size} images of {config.recipe.size} px do not fit into this GPU's memory.",
                "Give smaller batch_sizes.",
            ) from None
    known = environment(device, precision) | {"device_type": device}
    if device == "cpu":
        known["device"] = processor() or known["device"]
    return {
        "environment": known,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "batches": batches,
    }


def _measure_batch(
    model: nn.Module, inputs: tuple[Tensor, ...], device: str, seconds: float, most: int
) -> dict[str, Any]:
    clock = partial(_synchronised, device)
    for _ in range(WARM_UP[device]):
        model(*inputs)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times = timed(partial(model, *inputs), clock, seconds, most)
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    q1, median, q3 = np.quantile(times, (0.25, 0.5, 0.75)) * 1000
    return {
        "latency_ms": {"median": round(median, 3), "q1": round(q1, 3), "q3": round(q3, 3)},
        "passes": len(times),
        "images_per_second": round(1000 * len(inputs[0]) / median, 3),
        "peak_memory": peak,
        "rooms": _part_times(model, inputs, clock),
    }


def timed(forward: Pass, clock: Callable[[], float], seconds: float, most: int) -> list[float]:
    """Seconds of each pass, until `seconds` went by or there are `most`, but at least `LEAST` of them."""
    times: list[float] = []
    while len(times) < LEAST or (sum(times) < seconds and len(times) < most):
        began = clock()
        forward()
        times.append(clock() - began)
    return times


def _part_times(model: nn.Module, inputs: tuple[Tensor, ...], clock: Callable[[], float]) -> dict[str, float]:
    passes = []
    for _ in range(LEAST):
        with metered(model, clock) as grown:
            model(*inputs)
        passes.append(grown)
    return {part: round(float(np.median([each[part] for each in passes])) * 1000, 3) for part in passes[0]}


def _synchronised(device: str) -> float:
    """Seconds on a clock, read when the device has done everything it was asked."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def processor() -> str | None:
    """The CPU's model name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
