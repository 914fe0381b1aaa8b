"""Figure of label efficiency: the score of a model against the number of images that it was trained on."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.storage.store import Store
from reports.figures.palette import looks
from reports.figures.style import COLUMN, WIDTH
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.subsets import Family, families
from reports.text.escape import plain

TEST = "test"


def read_families(store: Store, frame: StudyFrame) -> dict[str, list[Family]]:
    """Data set to its families of rows that differ in their training images alone; those without any are left out."""
    labels = {row.key: row.label for row in frame.rows}
    found = {}
    for dataset in frame.datasets:
        rows = [row.key for row in frame.rows_on(dataset)]
        cells = {row: next(iter(ids.values())) for row in rows if (ids := frame.cell_ids(dataset, row))}
        parts = {row: frame.subsets[row, dataset] for row in rows if (row, dataset) in frame.subsets}
        found[dataset] = families(store, cells, labels, parts)
    return {dataset: each for dataset, each in found.items() if each}


def fractions(frame: StudyFrame, found: Mapping[str, Sequence[Family]]) -> Figure:
    """The headline metric on test against training images, a line per family; bars are the spread over seeds.

    Args:
        frame: The study.
        found: As `read_families` gives it; not empty.
    """
    looked = looks(frame.methods)
    width = COLUMN if len(found) == 1 else WIDTH
    figure = Figure(figsize=(width, 2.6), layout="constrained")
    for axis, (dataset, lines) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        for family in lines:
            # the colour of the family's published model, where one of its rows bears it
            look = looked[next((row for row in family.images if frame.methods[row]), list(family.images)[-1])]
            scores = [frame.scores(row, dataset, TEST)[HEADLINE] for row in family.images]
            axis.errorbar(
                list(family.images.values()),
                [score.mean for score in scores],
                yerr=[score.std for score in scores] if any(score.n > 1 for score in scores) else None,
                color=look.color,
                linestyle=look.line,
                marker=look.marker,
                capsize=2,
                elinewidth=0.8,
            )
        axis.legend(axis.containers, [plain(family.label) for family in lines], loc="best")
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(
            FixedLocator(sorted({n for each in lines for n in each.images.values()}))
        )
        axis.xaxis.set_minor_locator(NullLocator())
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        seeds = "\nbars: standard deviation over seeds" if len(frame.seeds) > 1 else ""
        axis.set(xlabel=f"Training images{seeds}", ylabel=f"{HEADLINE} on {TEST} (%)")
        axis.set_title(plain(dataset))
    return figure
