"""Tables of what a row costs and of how it was trained."""

import math
from dataclasses import dataclass, replace
from typing import Any

from bench.storage.model_costs import read_profiles
from bench.storage.store import Record, Store
from reports.escape import plain
from reports.frame import HEADLINE, StudyFrame
from reports.grid import Cell, Column, Grid, Line, Panel, count, number
from reports.tables import general, side_grid

SECTIONS = ("model", "recipe", "protocol")
MILLION, BILLION, MEBI = 1e6, 1e9, 2**20
COLUMNS = {
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


def cost_grid(store: Store, frame: StudyFrame) -> Grid | None:
    """Parameters, operations, time and memory, and the score they buy; None while nothing is known."""
    found = {dataset: read_costs(store, frame, dataset) for dataset in frame.datasets}
    every = [spent for costs, _ in found.values() for spent in costs.values()]
    known = {name: any(not math.isnan(getattr(spent, name)) for spent in every) for name in COLUMNS}
    if not any(known.values()):
        return None
    shown = [name for name in COLUMNS if known[name]]
    panels = []
    for dataset, (costs, _) in found.items():
        lines = []
        for row in frame.rows_on(dataset):
            spent, score = costs[row.key], frame.scores(row.key, dataset, "test")[HEADLINE]
            cells = [
                Cell(row.label),
                *(_cost_cell(spent, name) for name in shown),
                number(score.mean, score.std),
            ]
            lines.append(Line(plain(row.key), tuple(cells), score.n))
        panels.append(Panel(plain(dataset), "", tuple(lines)))
    columns = (
        Column("Method"),
        *(Column(COLUMNS[name], "r") for name in shown),
        Column(f"{HEADLINE}, test", "r"),
    )
    machines = sorted({machine for _, machine in found.values() if machine})
    notes = [
        "GMACs: multiply-accumulates of one image, which papers print as GFLOPs." if known["gmacs"] else "",
        _as_papers_count(frame, found),
        f"Latency (median, ± distance of its quartiles) and memory of one image, throughput of the largest batch "
        f"measured, on {', '.join(machines)}."
        if machines
        else "",
        "Operations and latency: not measured; `python -m bench.profile` does." if not known["gmacs"] else "",
        "Training time: of one seed, on the machine that trained it." if known["minutes"] else "",
    ]
    return side_grid(frame, "cost", "cost", columns, panels, general([note for note in notes if note]))


def _as_papers_count(frame: StudyFrame, found: dict[str, tuple[dict[str, Spent], str]]) -> str:
    """A note with the rows whose cost papers would print as another number; empty where there is none."""
    said = dict.fromkeys(
        f"{row.label} {parameters:.2f} M, {gmacs:.1f} GMACs"
        for dataset, (costs, _) in found.items()
        for row in frame.rows_on(dataset)
        for spent in (costs[row.key],)
        for parameters, gmacs in (spent.printed,)
        if not math.isnan(gmacs) and spent.printed != (spent.parameters, spent.gmacs)
    )
    return f"As papers count (`python -m bench.profile` says why): {'; '.join(said)}." if said else ""


def _cost_cell(spent: Spent, name: str) -> Cell:
    value = getattr(spent, name)
    if name in ("epochs", "memory"):
        return count(value)
    return number(value, spent.spread if name == "latency" else math.nan)


def costs_of(store: Store, frame: StudyFrame, dataset: str) -> tuple[dict[str, float], str]:
    """What each row costs, and the unit: operations where all are counted, else parameters."""
    costs, _ = read_costs(store, frame, dataset)
    for name in ("gmacs", "parameters"):
        spent = {row: getattr(cost, name) for row, cost in costs.items()}
        known = {row: value for row, value in spent.items() if not math.isnan(value)}
        if known and (name == "parameters" or len(known) == len(spent)):
            return known, COLUMNS[name]
    return {}, ""


def settings_grid(store: Store, frame: StudyFrame) -> Grid | None:
    """Every setting: what most rows use, and the rows that differ; None before anything was planned."""
    configs: dict[str, Record] = {}
    for dataset in frame.datasets:
        for row in frame.rows_on(dataset):
            table = frame.results
            ids = table.loc[(table["row"] == row.key) & (table["dataset"] == dataset), "cell"]
            config = store.cell(str(ids.iloc[0])).config()
            if config:
                name = row.label if len(frame.datasets) == 1 else f"{row.label} on {dataset}"
                configs[name] = _flat({section: config.get(section, {}) for section in SECTIONS})
    if not configs:
        return None
    lines = []
    for key in dict.fromkeys(key for config in configs.values() for key in config):
        values = {name: config.get(key, "") for name, config in configs.items()}
        usual = max(values.values(), key=list(values.values()).count)
        other = "; ".join(f"{name}: {value}" for name, value in values.items() if value != usual)
        lines.append(Line(key, (Cell(key), Cell(usual), Cell(plain(other)))))
    columns = (Column("Setting"), Column("Value"), Column("Rows that differ", wraps=True))
    return side_grid(frame, "settings", "settings", columns, [Panel("", "", tuple(lines))], [])


def _flat(value: Record, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, each in value.items():
        if key == "published":
            continue
        found |= (
            _flat(each, f"{prefix}{key}.") if isinstance(each, dict) else {prefix + key: plain(_said(each))}
        )
    return found


def _said(value: Any) -> str:
    return "none" if value is None else str(value)
