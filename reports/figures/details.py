"""Figures drawn from every test expression: precision by threshold, IoU by object size, categories; and cost."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from reports.figures.overview import SEEDS, legend
from reports.figures.palette import looks
from reports.figures.style import COLUMN, WIDTH, short
from reports.statistics import series
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.samples import Samples
from reports.text.escape import plain

HEAT = "YlGnBu"
FEW, NUMBERED = 4, 10  # rows that a narrow heat map, or one with its numbers written in, has room for


def _panels(tested: Mapping[str, Samples]) -> tuple[Figure, dict[str, Axes]]:
    figure = Figure(figsize=(COLUMN if len(tested) == 1 else WIDTH, 2.8), layout="constrained")
    axes = figure.subplots(1, len(tested), squeeze=False)[0]
    return figure, dict(zip(tested, axes, strict=True))


def thresholds(frame: StudyFrame, tested: Mapping[str, Samples]) -> Figure:
    """Share of test expressions whose IoU reaches a threshold, per row; with several seeds their mean and range."""
    figure, axes = _panels(tested)
    looked = looks(frame.methods)
    for dataset, samples in tested.items():
        axis = axes[dataset]
        for key, line in series.thresholds(samples).groupby("row", sort=False):
            look = looked[str(key)]
            axis.plot(line["threshold"], line["mean"], look.line, color=look.color)
            if len(samples.seeds[str(key)]) > 1:
                band = line["threshold"], line["low"], line["high"]
                axis.fill_between(*band, color=look.color, alpha=0.15, linewidth=0)
        axis.set(xlabel="IoU threshold", ylabel="Precision on test (%)", xlim=(0, 1), ylim=(0, None))
        axis.set_title(plain(dataset))
    rows = [row for row in frame.rows if any(row.key in s.scored.rows for s in tested.values())]
    legend(figure, rows, looked, SEEDS if len(frame.seeds) > 1 else "")
    return figure


def sizes(frame: StudyFrame, tested: Mapping[str, Samples]) -> Figure:
    """Mean IoU against the share of the image an object covers, in bins of as many expressions each."""
    figure, axes = _panels(tested)
    looked = looks(frame.methods)
    for dataset, samples in tested.items():
        axis = axes[dataset]
        for key, line in series.sizes(samples).groupby("row", sort=False):
            look = looked[str(key)]
            axis.plot(line["share"], line["iou"], look.marker, linestyle=look.line, color=look.color)
        axis.set(
            xlabel="Object size (% of the image)", ylabel="Mean IoU on test (%)", xscale="log", ylim=(0, None)
        )
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())  # its own would need the math parser
        axis.set_title(plain(dataset))
    rows = [row for row in frame.rows if any(row.key in s.scored.rows for s in tested.values())]
    legend(figure, rows, looked, "")
    return figure


def categories(frame: StudyFrame, samples: Samples, dataset: str) -> Figure:
    """A heat map of mean IoU: categories down, rows of the study across."""
    rows = [row for row in frame.rows_on(dataset) if row.key in samples.scored.rows]
    means = series.categories(samples)
    groups = means.drop_duplicates("category")
    values = means.pivot(index="category", columns="row", values="iou")[[row.key for row in rows]].to_numpy()
    figure = Figure(
        figsize=(COLUMN if len(rows) <= FEW else WIDTH, 1.0 + 0.19 * len(groups)), layout="constrained"
    )
    axis = figure.subplots()
    image = axis.imshow(values, cmap=HEAT, aspect="auto", vmin=0)
    dark = values > 0.55 * values.max()
    if len(rows) > NUMBERED:
        figure.colorbar(image, ax=axis, fraction=0.03, pad=0.01)
    else:
        for place, value in np.ndenumerate(values):
            color = "white" if dark[place] else "black"
            axis.text(place[1], place[0], f"{value:.1f}", ha="center", va="center", fontsize=6.5, color=color)
    axis.set_xticks(range(len(rows)), [short(row) for row in rows], rotation=30, ha="right")
    axis.set_yticks(
        range(len(groups)),
        [f"{name} ({count:,})" for name, count in zip(groups["category"], groups["count"], strict=True)],
    )
    axis.set_title(f"{plain(dataset)}, test: mean IoU (%)")
    axis.grid(False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure


def costs(frame: StudyFrame, dataset: str, spent: Mapping[str, float], unit: str) -> Figure:
    """The headline metric on test against what a row costs.

    Args:
        frame: The study.
        dataset: Which data set.
        spent: Row key to cost, rows without one left out.
        unit: Label of the cost.
    """
    figure = Figure(figsize=(COLUMN, 2.7), layout="constrained")
    axis = figure.subplots()
    looked = looks(frame.methods)
    shown = []
    for row in frame.rows_on(dataset):
        score = frame.scores(row.key, dataset, "test")[HEADLINE]
        if row.key not in spent or not score.n:
            continue
        error = score.std if score.n > 1 else None
        axis.errorbar(
            spent[row.key],
            score.mean,
            yerr=error,
            fmt=looked[row.key].marker,
            color=looked[row.key].color,
            capsize=2,
            markersize=5,
        )
        shown.append(row)
    axis.margins(0.1)
    axis.set(xlabel=unit, ylabel=f"{HEADLINE} on test (%)")
    axis.set_title(plain(dataset))
    legend(
        figure,
        shown,
        looked,
        "Mean ± standard deviation over seeds" if len(frame.seeds) > 1 else "",
        points=True,
    )
    return figure
