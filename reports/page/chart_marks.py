"""How each chart of the page is drawn, from a tidy table to a Vega-Lite specification.

A table's `row` is the key of a row of the study; `low` and `high` are the ends of an interval. Axes span the numbers of
all rows, those that a reader has hidden too: what is left stays where it was.
"""

from collections.abc import Iterable
from functools import partial

import altair as alt
import pandas as pd

from reports.page.chart_theme import Rows, Spec, hints
from reports.statistics.frame import HEADLINE

BAND, POINT, TARGET = 0.16, 60, 160  # opacity of a band; area of a point, and of what the pointer has to meet
LINE, AXIS = 38, 52  # pixels of the main chart: a row, the axis below
SHOWN, AT = "shown", "at"  # data and a threshold that the page's script gives
WIDE = "width > 500"
INK, GROUND, RULE = "var(--ink)", "var(--ground)", "var(--soft)"
ONE_TWO_FIVE = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]
FEW_EPOCHS = 8  # have a tick each
LOOSE = 14  # pixels between the outermost numbers and the ends of an axis that begins where they do


def intervals(rows: Rows, scores: pd.DataFrame, seeds: pd.DataFrame) -> Spec:
    """The headline metric: a line a row with its interval, its mean and its seeds.

    Args:
        rows: Of the study.
        scores: row, mean, low, high, text.
        seeds: row, seed, score.
    """
    y = _names(rows, scores)
    span = _span(scores["low"], scores["high"], seeds["score"], padding=LOOSE)
    across = partial(alt.X, title=f"{HEADLINE} (%)", scale=span)
    base = rows.chart(scores).encode(y=y, tooltip=hints(mean=HEADLINE, low="from", high="to"))
    band = base.mark_rule(strokeWidth=11, opacity=0.3, strokeCap="round").encode(
        across("low:Q"), alt.X2("high:Q"), rows.color
    )
    rings = (
        rows.chart(seeds)
        .mark_point(filled=True, size=30, stroke=INK, strokeWidth=1, fill=GROUND, opacity=1)
        .encode(across("score:Q"), y, tooltip=[*hints(score=HEADLINE), alt.Tooltip("seed:O")])
    )
    dots = base.mark_point(filled=True, size=150, opacity=1).encode(across("mean:Q"), rows.color, rows.shape)
    words = base.transform_calculate(word=f"{WIDE} ? datum.text : ''").encode(text="word:N")
    words = words.mark_text(dy=-14, fontSize=11.5, color=INK).encode(across("mean:Q"))
    above = _above(base, "labels[datum.row] + '   ' + datum.text")
    return rows.spec(
        band, dots, *([rings] if len(seeds) else []), words, above, height=LINE * len(scores) + AXIS
    )


def differences(rows: Rows, gains: pd.DataFrame) -> Spec:
    """The difference to the reference row and its interval, beside no difference.

    Args:
        rows: Of the study.
        gains: row, effect, low, high.
    """
    span = _span(gains["low"], gains["high"], [0.0], padding=LOOSE)
    across = partial(alt.X, title=f"points of {HEADLINE}", scale=span)
    base = rows.chart(gains).encode(
        y=_names(rows, gains), tooltip=hints(effect="difference", low="from", high="to")
    )
    nothing = (
        rows.chart(gains)
        .mark_rule(color=RULE, strokeDash=[3, 3])
        .encode(alt.XDatum(0, title=f"points of {HEADLINE}", scale=span))
    )
    bars = base.mark_rule(strokeWidth=2.5).encode(across("low:Q"), alt.X2("high:Q"), rows.color)
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(across("effect:Q"), rows.color, rows.shape)
    return rows.spec(nothing, bars, dots, _above(base, "labels[datum.row]"))


def thresholds(rows: Rows, shares: pd.DataFrame) -> Spec:
    """Precision against IoU threshold with the range over seeds.

    Args:
        rows: Of the study.
        shares: row, threshold, mean, low, high.
    """
    x = alt.X("threshold:Q", title="IoU threshold", scale=alt.Scale(domain=[0, 1]))
    told = {"threshold": "IoU ≥", "mean": "precision", "low": "lowest seed", "high": "highest seed"}
    return _lines(rows, shares[::2], x, "precision (%)", **told)


def filtered_precision(rows: Rows) -> Spec:
    """Precision of whatever expressions the page's script names: row, threshold, mean; a line at `at`."""
    x = alt.X("threshold:Q", title="IoU threshold", scale=alt.Scale(domain=[0, 1]))
    y = alt.Y("mean:Q", title="precision (%)", scale=alt.Scale(domain=[0, 100]))
    base = rows.named(alt.NamedData(SHOWN)).encode(x, y, rows.color)
    line = base.mark_line(strokeWidth=2).encode(rows.dash)
    targets = base.mark_point(size=TARGET, opacity=0, filled=True).encode(
        tooltip=hints(threshold="IoU ≥", mean="precision")
    )
    cursor = alt.Chart(alt.Data(values=[{}])).mark_rule(color=RULE, strokeDash=[3, 3])
    return rows.spec(line, targets, cursor.encode(alt.XDatum(alt.expr(AT), type="quantitative")), at=0.5)


def sizes(rows: Rows, means: pd.DataFrame) -> Spec:
    """Mean IoU against object size.

    Args:
        rows: Of the study.
        means: row, share, iou.
    """
    x = alt.X(
        "share:Q",
        title="object size (% of the image)",
        scale=_span(means["share"], padding=8, nice=False, log=True),
        axis=alt.Axis(format="~g", values=ONE_TWO_FIVE, labelOverlap="greedy"),
    )
    return _points(
        rows,
        means,
        x,
        alt.Y("iou:Q", title="mean IoU (%)", scale=_span(means["iou"], [0.0])),
        share="% of the image",
        iou="mean IoU",
    )


def categories(rows: Rows, means: pd.DataFrame) -> Spec:
    """A line a category, a dot a row.

    Args:
        rows: Of the study.
        means: row, category, count, iou.
    """
    y = alt.Y(
        "category:N",
        title=None,
        axis=alt.Axis(grid=True, labelLimit=150, domain=False, ticks=False, labelOverlap="greedy"),
    )
    x = alt.X("iou:Q", title="mean IoU (%)", scale=_span(means["iou"], [0.0], padding=8))
    base = rows.chart(means).encode(x, y, rows.color, rows.shape)
    told = [alt.Tooltip("category:N"), *hints(iou="mean IoU"), alt.Tooltip("count:Q", title="expressions")]
    return rows.spec(base.mark_point(filled=True, size=POINT, opacity=0.9).encode(tooltip=told))


def epochs(rows: Rows, history: pd.DataFrame, column: str) -> Spec:
    """Training by epoch with the range over seeds.

    Args:
        rows: Of the study.
        history: row, epoch, and `<column>_mean`, `_low`, `_high`.
        column: score or loss.
    """
    named = {f"{column}_{name}": name for name in ("mean", "low", "high")}
    table = history[["row", "epoch", *named]].rename(columns=named)
    last = int(table["epoch"].max())
    ticks = (
        alt.Axis(values=list(range(1, last + 1)), format="d") if last <= FEW_EPOCHS else alt.Axis(format="d")
    )
    x = alt.X("epoch:Q", axis=ticks, scale=_span(table["epoch"], nice=False))
    title = f"{HEADLINE} (%)" if column == "score" else "loss"
    return _lines(rows, table, x, title, epoch="epoch", mean=title, low="lowest seed", high="highest seed")


def costs(rows: Rows, spent: pd.DataFrame, unit: str) -> Spec:
    """The headline metric against a cost; bars are the spread over seeds.

    Args:
        rows: Of the study.
        spent: row, cost, mean, low, high.
        unit: Of the cost.
    """
    x = alt.X("cost:Q", title=unit, scale=_span(spent["cost"], padding=LOOSE))
    return rows.spec(*_spread(rows, spent, x, hints(cost=unit)))


def fractions(rows: Rows, table: pd.DataFrame) -> Spec:
    """The headline metric against training images, a line a family, its name above the line's end.

    Args:
        rows: Of the study.
        table: row, family, images, mean, low, high.
    """
    x = alt.X(
        "images:Q",
        title="training images",
        scale=_span(table["images"], padding=LOOSE, nice=False, log=True),
        axis=alt.Axis(values=sorted(set(table["images"])), format=",d"),
    )
    y = _spread_axis(table)("mean:Q")
    told = [alt.Tooltip("family:N"), alt.Tooltip("images:Q", format=",d")]
    line = rows.chart(table).mark_line(strokeWidth=2).encode(x, y, rows.color, rows.dash)
    ends = rows.chart(table.sort_values("images").groupby("row", sort=False).tail(1))
    words = ends.mark_text(align="right", dy=-12, fontSize=11, color=INK).encode(x, y, text="family:N")
    return rows.spec(line, *_spread(rows, table, x, told), words)


def _span(*numbers: Iterable[float], padding: float = 0, nice: bool = True, log: bool = False) -> alt.Scale:
    """A scale over all numbers (NaN is none), with `padding` pixels at its ends, which are round ones if `nice`."""
    known = [float(number) for each in numbers for number in each if number == number]
    ends = [min(known, default=0), max(known, default=1)]
    if log:
        return alt.Scale(type="log", domain=ends, nice=nice, padding=padding)
    return alt.Scale(domain=ends, zero=False, nice=nice, padding=padding)


def _names(rows: Rows, table: pd.DataFrame) -> alt.Y:
    """A line a row, in the table's order, under their labels where there is room for them."""
    axis = alt.Axis(
        labelExpr=f"{WIDE} ? labels[datum.value] : ''",
        labelLimit=260,
        labelColor=INK,
        labelFontSize=12,
        grid=False,
        domain=False,
        ticks=False,
        labelOverlap="greedy",
    )
    order = [rows.places[key] for key in table["row"]]
    return alt.Y("row:N", title=None, sort=None, scale=alt.Scale(domain=order), axis=axis)


def _above(base: alt.Chart, words: str) -> alt.Chart:
    """Where there is no room for labels beside the lines: words above each, an expression."""
    told = base.transform_calculate(above=f"{WIDE} ? '' : {words}").encode(x=alt.value(0), text="above:N")
    return told.mark_text(align="left", dy=-14, fontSize=11.5, color=INK)


def _lines(rows: Rows, table: pd.DataFrame, x: alt.X, title: str, **told: str) -> Spec:
    """A line a row along x, a band where low and high differ."""
    scale = _span(table["low"], table["high"], [] if title == "loss" else [0.0])
    base = rows.chart(table).encode(x)
    band = base.mark_area(opacity=BAND).encode(
        alt.Y("low:Q", title=title, scale=scale), alt.Y2("high:Q"), rows.color
    )
    line = base.mark_line(strokeWidth=2).encode(
        alt.Y("mean:Q", title=title, scale=scale), rows.color, rows.dash
    )
    targets = base.mark_point(size=TARGET, opacity=0, filled=True).encode(
        alt.Y("mean:Q", title=title, scale=scale), rows.color, tooltip=hints(**told)
    )
    return rows.spec(band, line, targets)


def _points(rows: Rows, table: pd.DataFrame, x: alt.X, y: alt.Y, **told: str) -> Spec:
    """Points of a row, joined by its line."""
    base = rows.chart(table).encode(x, y, rows.color)
    points = base.mark_point(filled=True, size=POINT, opacity=1).encode(rows.shape, tooltip=hints(**told))
    return rows.spec(base.mark_line(strokeWidth=2).encode(rows.dash), points)


def _spread(
    rows: Rows, table: pd.DataFrame, x: alt.X, told: list[alt.Tooltip]
) -> tuple[alt.Chart, alt.Chart]:
    """Error bars and points of the headline metric."""
    y = _spread_axis(table)
    base = rows.chart(table).encode(x, color=rows.color)
    bars = base.mark_rule(strokeWidth=1.5).encode(y("low:Q"), alt.Y2("high:Q"))
    dots = base.mark_point(filled=True, size=90, opacity=1).encode(
        y("mean:Q"),
        rows.shape,
        tooltip=[*told, *hints(mean=HEADLINE, low="from", high="to")],
    )
    return bars, dots


def _spread_axis(table: pd.DataFrame) -> partial[alt.Y]:
    """The axis of the headline metric, given a column, over what error bars reach."""
    return partial(alt.Y, title=f"{HEADLINE} (%)", scale=_span(table["low"], table["high"], padding=LOOSE))
