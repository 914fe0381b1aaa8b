"""The table of what a row costs."""

import math

from bench.storage.store import Store
from reports.statistics.costs import LABELS, Spent, read_costs
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.tables.footnotes import general
from reports.tables.grid import Column, Grid, Line, Panel, TableCell, count, number
from reports.tables.side_table import label_cell, side_grid
from reports.text.escape import plain


def cost_grid(store: Store, frame: StudyFrame) -> Grid | None:
    """Parameters, operations, time and memory, and the score they buy; None while nothing is known."""
    found = {dataset: read_costs(store, frame, dataset) for dataset in frame.datasets}
    every = [spent for costs, _ in found.values() for spent in costs.values()]
    known = {name: any(not math.isnan(getattr(spent, name)) for spent in every) for name in LABELS}
    if not any(known.values()):
        return None
    shown = [name for name in LABELS if known[name]]
    panels = []
    for dataset, (costs, _) in found.items():
        lines = []
        for row in frame.rows_on(dataset):
            spent, score = costs[row.key], frame.scores(row.key, dataset, "test")[HEADLINE]
            cells = [
                label_cell(row),
                *(_cost_cell(spent, name) for name in shown),
                number(score.mean, score.std),
            ]
            lines.append(Line(plain(row.key), tuple(cells), score.n))
        panels.append(Panel(plain(dataset), "", tuple(lines)))
    columns = (
        Column("Method"),
        *(Column(LABELS[name], "r") for name in shown),
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


def _cost_cell(spent: Spent, name: str) -> TableCell:
    value = getattr(spent, name)
    if name in ("epochs", "memory"):
        return count(value)
    return number(value, spent.spread if name == "latency" else math.nan)
