"""Figures of a study: training curves and bars of the headline metric."""

import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.storage.store import Store
from reports.figures.palette import Look, looks
from reports.figures.style import COLUMN, WIDTH, short
from reports.statistics import series
from reports.statistics.evidence import Evidence
from reports.statistics.frame import HEADLINE, StudyFrame, StudyRow
from reports.text.escape import plain
from reports.text.numbers import two_decimals

TEST = "test"
LABEL = 22  # characters of a row's label beside its bar, in a line
SEEDS = "Mean and range over seeds"
SELECTING = ("val", "test")  # rows of one study may choose their epoch on different splits


def read_history(store: Store, frame: StudyFrame) -> pd.DataFrame:
    """Every epoch of every cell that has begun: row, dataset, seed, epoch (from 1), loss, score (percent)."""
    cells = frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records")
    lines = [
        {
            "row": cell["row"],
            "dataset": cell["dataset"],
            "seed": cell["seed"],
            "epoch": record["epoch"] + 1,
            "loss": record["loss"],
            "score": next(record[split] for split in SELECTING if split in record)[HEADLINE],
        }
        for cell in cells
        for record in store.cell(cell["cell"]).history()
    ]
    return pd.DataFrame(lines, columns=["row", "dataset", "seed", "epoch", "loss", "score"])


def curves(history: pd.DataFrame, frame: StudyFrame) -> Figure:
    """Score on the selecting split and loss per epoch and row; with several seeds their mean and range.

    Args:
        history: As `read_history` gives it; not empty.
        frame: The study.
    """
    datasets = [dataset for dataset in frame.datasets if (history["dataset"] == dataset).any()]
    looked = looks(frame.methods)
    rows = [row for row in frame.rows if (history["row"] == row.key).any()]
    figure = Figure(figsize=(WIDTH, 2.5 * len(datasets) + 0.45), layout="constrained")
    axes = figure.subplots(len(datasets), 2, squeeze=False)
    for dataset, (left, right) in zip(datasets, axes, strict=True):
        epochs = series.training(history[history["dataset"] == dataset])
        for axis, column, label in (
            (left, "score", f"{HEADLINE} on the selecting split (%)"),
            (right, "loss", "Training loss"),
        ):
            for row in rows:
                _curve(axis, epochs[epochs["row"] == row.key], column, looked[row.key])
            axis.set(xlabel="Epoch", ylabel=label)
            axis.set_title(plain(dataset))
            axis.xaxis.get_major_locator().set_params(integer=True)
    legend(figure, rows, looked, SEEDS if len(frame.seeds) > 1 else "")
    return figure


def _curve(axis: Axes, epochs: pd.DataFrame, column: str, look: Look) -> None:
    """Mean and range over the seeds that got furthest together."""
    mean, low, high = (epochs[f"{column}_{name}"] for name in ("mean", "low", "high"))
    axis.plot(epochs["epoch"], mean, look.line, color=look.color)
    if (low < high).any():
        axis.fill_between(epochs["epoch"], low, high, color=look.color, alpha=0.18, linewidth=0)


def legend(
    figure: Figure, rows: Sequence[StudyRow], looked: dict[str, Look], title: str, *, points: bool = False
) -> None:
    """The rows' lines, or points, below the figure."""
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, markersize=5, linestyle="")
        if points
        else Line2D([], [], color=look.color, linestyle=look.line)
        for look in (looked[row.key] for row in rows)
    ]
    labels = [short(row) for row in rows]
    longest = max(map(len, labels), default=1)
    columns = max(1, min(len(rows), int(figure.get_figwidth() / WIDTH * 110) // (longest + 7)))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, title=title or None)


def bars(frame: StudyFrame, evidence: Evidence | None = None) -> Figure:
    """The headline metric on test, a bar per row, with its 95 % interval and each seed as a dot."""
    evidence = evidence or Evidence()
    looked = looks(frame.methods)
    labels = {row.key: textwrap.fill(short(row), LABEL) for row in frame.rows}
    lines = max(sum(labels[row.key].count("\n") + 1.5 for row in frame.rows_on(d)) for d in frame.datasets)
    figure = Figure(
        figsize=(COLUMN if len(frame.datasets) == 1 else WIDTH, 0.17 * lines + 0.85), layout="constrained"
    )
    axes = figure.subplots(1, len(frame.datasets), squeeze=False)[0]
    for axis, dataset in zip(axes, frame.datasets, strict=True):
        rows = frame.rows_on(dataset)
        for place, row in enumerate(rows):
            _bar(axis, place, frame, evidence, row, dataset, looked[row.key])
        axis.set_yticks(range(len(rows)), [labels[row.key] for row in rows])
        marks = ["lines: 95 % intervals", f"over {varied(evidence, dataset)}"] if evidence.statistics else []
        marks += ["dots: seeds"] if len(frame.seeds) > 1 else []
        label = "\n".join((f"{HEADLINE} on {TEST} (%)", *marks))
        axis.set(ylim=(len(rows) - 0.4, -0.6), xlabel=label)
        axis.set_xlim(0, axis.get_xlim()[1] * 1.8)  # room for the numbers
        axis.set_title(plain(dataset))
        axis.grid(False, axis="y")
        axis.tick_params(axis="y", length=0)
    return figure


def varied(evidence: Evidence, dataset: str) -> str:
    """What intervals on test are over, in words: seeds and images, or images."""
    found = evidence.statistics.get((dataset, TEST))
    return "seeds and images" if found is not None and found.rows["over_seeds"].all() else "images"


def _bar(
    axis: Axes, place: int, frame: StudyFrame, evidence: Evidence, row: StudyRow, dataset: str, look: Look
) -> None:
    score = frame.scores(row.key, dataset, TEST)[HEADLINE]
    if not score.n:
        axis.text(0, place, " no result yet", va="center", color="#777777", fontstyle="italic")
        return
    axis.barh(place, score.mean, height=0.62, color=look.color, alpha=0.8)
    end = score.mean
    if interval := evidence.interval(dataset, TEST, row.key, HEADLINE):
        low, high = interval
        error = [[max(0.0, score.mean - low)], [max(0.0, high - score.mean)]]
        axis.errorbar(score.mean, place, xerr=error, color="black", capsize=2, linewidth=0.8)
        end = max(end, high)
    if score.n > 1:
        table = frame.results
        mine = (table["row"] == row.key) & (table["dataset"] == dataset) & (table["split"] == TEST)
        seeds = table.loc[mine, HEADLINE].dropna()
        end = max(end, seeds.max())
        axis.plot(
            seeds, [place] * len(seeds), "o", color="white", markeredgecolor="black", markeredgewidth=0.5
        )
    axis.annotate(
        two_decimals(score.mean)
        + (f" ± {score.std:.2f}" if score.n > 1 else "")
        + (" (collapsed)" if evidence.collapsed(row.key, dataset) else ""),
        (end, place),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=7.5,
    )
