"""The charts of a study's page, as Vega-Lite specifications; the page's script puts them where they belong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from bench.storage.store import Store
from reports.figures.fractions import read_families
from reports.figures.overview import read_history, varied
from reports.page import chart_marks as draw
from reports.page.chart_theme import Rows, Spec
from reports.statistics import series
from reports.statistics.costs import costs_differ, costs_of
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import HEADLINE, StudyFrame
from reports.statistics.samples import Samples
from reports.statistics.subsets import Family
from reports.text.escape import plain

TEST = "test"


@dataclass(frozen=True)
class Chart:
    """One chart: what it is called, what it shows in a sentence, its specification."""

    title: str
    said: str
    spec: Spec


def main_charts(frame: StudyFrame, evidence: Evidence) -> list[Chart]:
    """The headline metric of every row, a chart per data set that has a score."""
    rows = Rows(frame)
    found = []
    for dataset in frame.datasets:
        scores = _scores(frame, evidence, dataset)
        if len(scores):
            mean = "Dot: mean over seeds; ring: a seed" if len(frame.seeds) > 1 else "Dot: the one seed"
            bar = f"; bar: 95 % interval over {varied(evidence, dataset)}" if evidence.statistics else ""
            title = f"{HEADLINE} on {plain(dataset)}, {TEST}"
            found.append(Chart(title, f"{mean}{bar}.", draw.intervals(rows, scores, _seeds(frame, dataset))))
    return found


def other_charts(
    store: Store, frame: StudyFrame, evidence: Evidence, samples: Mapping[Place, Samples]
) -> Iterator[Chart]:
    """Everything else that there are numbers for, data set by data set."""
    rows = Rows(frame)
    history = read_history(store, frame)
    parts = read_families(store, frame)
    spread = " Bars: standard deviation over seeds." if len(frame.seeds) > 1 else ""
    band = " Line: mean over seeds; band: their range." if len(frame.seeds) > 1 else ""
    for dataset in frame.datasets:
        on = f", {plain(dataset)}" if len(frame.datasets) > 1 else ""
        gains = _gains(frame, evidence, dataset)
        if len(gains) and frame.reference:
            title = f"{HEADLINE} against {frame.reference.label}{on}"
            said = f"Points of difference on test; bars: 95 % intervals over {varied(evidence, dataset)}."
            yield Chart(title, said, draw.differences(rows, gains))
        if (tested := samples.get((dataset, TEST))) is not None:
            yield from _of_expressions(rows, tested, on, band)
        if dataset in parts:
            table = _by_images(frame, dataset, parts[dataset])
            title = f"{HEADLINE} against training images{on}"
            yield Chart(title, f"A line a model.{spread}", draw.fractions(rows, table))
        spent, unit = costs_of(store, frame, dataset)
        if costs_differ(spent):
            table = _spent(frame, dataset, spent)
            said = f"{HEADLINE} on test.{spread}"
            yield Chart(f"Accuracy against cost{on}", said, draw.costs(rows, table, unit))
        if len(mine := history[history["dataset"] == dataset]):
            epochs = series.training(mine)
            for column, title in (("score", f"{HEADLINE} on the selecting split"), ("loss", "Training loss")):
                yield Chart(f"{title}{on}", f"By epoch.{band}", draw.epochs(rows, epochs, column))


def filtered(frame: StudyFrame) -> Spec:
    """Precision of the expressions that a reader has chosen."""
    return draw.filtered_precision(Rows(frame))


def _of_expressions(rows: Rows, tested: Samples, on: str, band: str) -> Iterator[Chart]:
    """The charts drawn from every test expression."""
    yield Chart(
        f"Precision against IoU threshold{on}",
        f"Share of the test expressions that reach an IoU.{band}",
        draw.thresholds(rows, series.thresholds(tested)),
    )
    yield Chart(
        f"IoU against object size{on}",
        f"Mean IoU on test in {series.SIZE_BINS} bins with as many expressions each.",
        draw.sizes(rows, series.sizes(tested)),
    )
    yield Chart(
        f"Categories{on}",
        "Mean IoU on test, seeds averaged.",
        draw.categories(rows, series.categories(tested)),
    )


def _scores(frame: StudyFrame, evidence: Evidence, dataset: str) -> pd.DataFrame:
    """row, mean, low, high, text: what is written beside it."""
    lines = []
    for row in frame.rows_on(dataset):
        score = frame.scores(row.key, dataset, TEST)[HEADLINE]
        if score.n:
            low, high = evidence.interval(dataset, TEST, row.key, HEADLINE) or (score.mean, score.mean)
            text = f"{score.mean:.2f}" + (f" ± {score.std:.2f}" if score.n > 1 else "")
            text += " (collapsed)" if evidence.collapsed(row.key, dataset) else ""
            lines.append((row.key, score.mean, low, high, text))
    return pd.DataFrame(lines, columns=["row", "mean", "low", "high", "text"])


def _seeds(frame: StudyFrame, dataset: str) -> pd.DataFrame:
    """row, seed, score: of rows with several seeds."""
    table = frame.results
    mine = table[(table["dataset"] == dataset) & (table["split"] == TEST)].dropna(subset=[HEADLINE])
    mine = mine[mine.groupby("row")["seed"].transform("count") > 1]
    return mine[["row", "seed", HEADLINE]].rename(columns={HEADLINE: "score"})


def _gains(frame: StudyFrame, evidence: Evidence, dataset: str) -> pd.DataFrame:
    """row, effect, low, high: the rows that were compared with the reference."""
    lines = [
        (row.key, found["effect"], found["low"], found["high"])
        for row in frame.rows_on(dataset)
        if (found := evidence.comparison(dataset, TEST, row.key))
    ]
    return pd.DataFrame(lines, columns=["row", "effect", "low", "high"])


def _by_images(frame: StudyFrame, dataset: str, families: Sequence[Family]) -> pd.DataFrame:
    """row (the one that gives a family its colour), family, images, mean, low, high."""
    lines = []
    for family in families:
        named = next((row for row in family.images if frame.methods[row]), list(family.images)[-1])
        lines += [
            (named, plain(family.label), images, *_spread(frame, row, dataset))
            for row, images in family.images.items()
        ]
    return pd.DataFrame(lines, columns=["row", "family", "images", "mean", "low", "high"]).dropna()


def _spent(frame: StudyFrame, dataset: str, spent: Mapping[str, float]) -> pd.DataFrame:
    """row, cost, mean, low, high."""
    rows = [row.key for row in frame.rows_on(dataset) if row.key in spent]
    lines = [(row, spent[row], *_spread(frame, row, dataset)) for row in rows]
    return pd.DataFrame(lines, columns=["row", "cost", "mean", "low", "high"]).dropna()


def _spread(frame: StudyFrame, row: str, dataset: str) -> tuple[float, float, float]:
    """A row's score, and the score less and more its standard deviation over seeds; NaN without a score."""
    score = frame.scores(row, dataset, TEST)[HEADLINE]
    spread = score.std if score.n > 1 else 0.0
    return score.mean, score.mean - spread, score.mean + spread
