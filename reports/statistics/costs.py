"""What a row costs: parameters, operations, time and memory, from its cells and from what was profiled."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.storage.cell import Record
from bench.storage.model_costs import read_profiles
from bench.storage.store import Store
from reports.statistics.frame import StudyFrame

MILLION, BILLION, MEBI = 1e6, 1e9, 2**20
LABELS = {
    "parameters": "Params (M)",
    "trained": "trained (M)",
    "gmacs": "GMACs",
    "latency": "Latency (ms)",
    "throughput": "Images/s",
    "memory": "Memory (MiB)",
    "epochs": "Epochs",
    "minutes": "Training (min)",
}


@dataclass(frozen=True)
class Spent:
    """What one row costs on one data set; NaN where nothing was counted or measured.

    Attributes:
        parameters: All, in millions.
        trained: Those that are trained.
        gmacs: Billions of multiply-accumulates of one image.
        printed: The last two as papers count them, (parameters, gmacs).
        latency: Median of one image, ms; `spread` is the distance of its quartiles.
        throughput: Images a second in the largest batch measured.
        memory: Peak of one image, MiB.
        minutes: Training of one seed.
        epochs: Trained.
    """

    parameters: float = math.nan
    trained: float = math.nan
    gmacs: float = math.nan
    printed: tuple[float, float] = (math.nan, math.nan)
    latency: float = math.nan
    spread: float = math.nan
    throughput: float = math.nan
    memory: float = math.nan
    minutes: float = math.nan
    epochs: float = math.nan


def read_costs(store: Store, frame: StudyFrame, dataset: str) -> tuple[dict[str, Spent], str]:
    """The cost of every row, and the machine its latency was measured on (the newest; empty: none)."""
    profiles = {row.key: _profile(store, frame, row.key, dataset) for row in frame.rows_on(dataset)}
    machine = next((name for found in profiles.values() for name in found.get("machines", {})), "")
    return {
        key: _spent(store, frame, key, dataset, found, machine) for key, found in profiles.items()
    }, machine


def _profile(store: Store, frame: StudyFrame, row: str, dataset: str) -> Record:
    table = frame.results
    ids = table.loc[(table["row"] == row) & (table["dataset"] == dataset), "cell"]
    return read_profiles(store, store.cell(str(ids.iloc[0]))) if (store.root / "profiles").is_dir() else {}


def _spent(store: Store, frame: StudyFrame, row: str, dataset: str, profile: Record, machine: str) -> Spent:
    cells = [store.cell(cell) for cell in frame.cell_ids(dataset, row).values()]
    counts = profile.get("counts", {})
    published = counts.get("published", {})
    spent = Spent(
        parameters=counts.get("parameters", math.nan) / MILLION,
        trained=counts.get("trained", math.nan) / MILLION,
        gmacs=counts.get("macs", math.nan) / BILLION,
        printed=(
            published.get("parameters", math.nan) / MILLION,
            published.get("macs", math.nan) / BILLION,
        ),
    )
    batches = profile.get("machines", {}).get(machine, {}).get("batches", {})
    if one := batches.get("1"):
        time = one["latency_ms"]
        spent = replace(
            spent,
            latency=time["median"],
            spread=time["q3"] - time["q1"],
            memory=(one["peak_memory"] or math.nan) / MEBI,
            throughput=batches[max(batches, key=int)]["images_per_second"],
        )
    if not cells:
        return spent
    metrics = cells[0].metrics() or {}
    minutes = [sum(epoch.get("seconds", 0.0) for epoch in cell.history()) / 60 for cell in cells]
    spent = replace(spent, minutes=sum(minutes) / len(minutes), epochs=metrics.get("epochs", math.nan))
    if not counts:
        parameters = metrics.get("parameters", {})
        spent = replace(
            spent,
            parameters=parameters.get("total", math.nan) / MILLION,
            trained=parameters.get("trained", math.nan) / MILLION,
        )
    return spent


def costs_of(store: Store, frame: StudyFrame, dataset: str) -> tuple[dict[str, float], str]:
    """What each row costs, and the unit: operations where all are counted, else parameters."""
    costs, _ = read_costs(store, frame, dataset)
    for name in ("gmacs", "parameters"):
        spent = {row: getattr(cost, name) for row, cost in costs.items()}
        known = {row: value for row, value in spent.items() if not math.isnan(value)}
        if known and (name == "parameters" or len(known) == len(spent)):
            return known, LABELS[name]
    return {}, ""


def costs_differ(spent: Mapping[str, float]) -> bool:
    """Whether rows' costs are worth a figure: by a hundredth at least; less fills an axis and means nothing."""
    return bool(spent) and max(spent.values()) > 1.01 * min(spent.values())
