"""What every chart of a page has in common: the rows' colours, fonts and sizes, and the library that draws it.

Colours are names of CSS variables. The page's style sheet says what they are in light, in the dark and on paper, so
that one specification serves all three.
"""

from functools import cache
from typing import Any

import altair as alt
import pandas as pd
import vl_convert
from markupsafe import Markup

from reports.figures.palette import DASHES, SHAPES, looks
from reports.statistics.frame import StudyFrame

WIDTH, HEIGHT = 360, 240  # of a chart in the grid, with its axes
Spec = dict[str, Any]

_AXIS: Spec = {
    "labelColor": "var(--soft)",
    "titleColor": "var(--soft)",
    "gridColor": "var(--grid)",
    "domainColor": "var(--line)",
    "tickColor": "var(--line)",
    "labelFontSize": 11,
    "titleFontSize": 11,
    "titleFontWeight": "normal",
    "labelFontWeight": "normal",
    "tickCount": 5,
}
_CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "axis": _AXIS,
    "view": {"stroke": None},
}


@cache
def library() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script that needs no network; it sets `vegaEmbed`."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return Markup(bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def palette(frame: StudyFrame) -> list[dict[str, str]]:
    """By row of the study: its label, its colour by day and in the dark, and its line's dashes (SVG)."""
    looked = looks(frame.methods)
    return [
        {
            "label": row.label,
            "light": looked[row.key].color,
            "dark": looked[row.key].lit,
            "dash": " ".join(map(str, DASHES[looked[row.key].line])),
        }
        for row in frame.rows
    ]


class Rows:
    """How a study's rows are told apart in charts: numbers in the data, colours and labels beside it."""

    def __init__(self, frame: StudyFrame) -> None:
        self.frame = frame
        self.places = {row.key: place for place, row in enumerate(frame.rows)}
        looked = looks(frame.methods).values()
        numbers = list(range(len(looked)))
        self.color = alt.Color(
            "row:N",
            scale=alt.Scale(domain=numbers, range=[f"var(--row-{place})" for place in numbers]),
            legend=None,
        )
        self.dash = alt.StrokeDash(
            "row:N",
            scale=alt.Scale(domain=numbers, range=[DASHES[look.line] for look in looked]),
            legend=None,
        )
        self.shape = alt.Shape(
            "row:N",
            scale=alt.Scale(domain=numbers, range=[SHAPES[look.marker] for look in looked]),
            legend=None,
        )

    def chart(self, table: pd.DataFrame) -> alt.Chart:
        """A chart of a table whose `row` is a key; lines of hidden rows are left out. Numbers keep three decimals."""
        numbered = table.assign(row=table["row"].map(self.places)).round(3)
        return self.named(alt.Data(values=numbered.to_dict("records")))

    def named(self, data: alt.Data | alt.NamedData) -> alt.Chart:
        """A chart of data with a column `row` (a place in the study); labels are looked up, never written into it."""
        shown = alt.Chart(data).transform_filter("indexof(hidden, datum.row) < 0")
        return shown.transform_calculate(label="labels[datum.row]")

    def spec(self, *layers: alt.Chart, height: int = HEIGHT, **params: float) -> Spec:
        """The layers as one chart of the page.

        Args:
            layers: Made by `chart` or `named`.
            height: Pixels.
            params: Further numbers that the page's script may set.
        """
        labels = [row.label for row in self.frame.rows]
        signals = {"hidden": [], "labels": labels, **params}
        whole = (
            alt.layer(*layers)
            .add_params(*(alt.param(name=name, value=value) for name, value in signals.items()))
            .properties(
                width=WIDTH, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding")
            )
            .configure(**_CONFIG)
        )
        return whole.to_dict()


def hints(**columns: str) -> list[alt.Tooltip]:
    """A tooltip: the row, then columns (`name=title`); numbers with two decimals."""
    return [
        alt.Tooltip("label:N", title="row"),
        *(alt.Tooltip(f"{name}:Q", title=title, format=",.2f") for name, title in columns.items()),
    ]
