"""Counts and measures configurations and keeps the numbers in the store; each architecture once. Imports no torch."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.config.schema import Config
from bench.profiling.tables import Profiled
from bench.storage.model_costs import profile_folder, write_counts, write_machine
from bench.storage.store import Store
from bench.terminal.errors import UserError

Costs = tuple[dict[str, Any], dict[str, Any] | None]


def profile(
    rows: Iterable[tuple[str, str, Config]], store: Store, batch_sizes: list[int], seconds: float | None
) -> list[Profiled]:
    """What each row costs.

    Args:
        rows: Label, data set and configuration of each.
        store: Where the numbers are kept.
        batch_sizes: Images per forward pass, each measured by itself.
        seconds: Timed per model and batch size; None: count only, measure nothing.

    Raises:
        UserError: A row scores imported weights, or is not of sizes that fit.
    """
    found: dict[Path, Costs] = {}
    profiled = []
    for label, dataset, config in rows:
        if config.weights is not None:
            raise UserError(
                f"weights={config.weights}: the architecture in a file is not profiled.",
                "Name it instead, for example model=fianet scale=paper.",
            )
        folder = profile_folder(store, config)
        if folder not in found:
            print(f"{label} ({dataset})", file=sys.stderr, flush=True)
            found[folder] = _profile_one(config, folder, batch_sizes, seconds)
        profiled.append(Profiled(label, dataset, folder, *found[folder]))
    return profiled


def _profile_one(config: Config, folder: Path, batch_sizes: list[int], seconds: float | None) -> Costs:
    import torch

    from bench.profiling.counts import count
    from bench.profiling.latency import measure

    counts = count(config)
    write_counts(folder, counts)
    if seconds is None:
        return counts, None
    if config.launcher.threads:
        torch.set_num_threads(config.launcher.threads)
    measured = measure(
        config, batch_sizes, seconds, report=lambda said: print(f"  {said}", file=sys.stderr, flush=True)
    )
    write_machine(folder, measured)
    return counts, measured
