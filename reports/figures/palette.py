"""How rows are told apart in every figure and chart: a colour, dashes and a marker each; the one place that says so.

matplotlib's names of dashes and markers are the keys; beside them stands what Vega-Lite and SVG call them.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

LineStyle = Literal["-", "--", ":", "-."]


class Hue(NamedTuple):
    """One colour: on white paper, and where the ground is dark or a photograph."""

    color: str
    lit: str


# Seven colours that readers call by seven names, chosen for the largest least difference (CIEDE2000, all pairs) with
# any colour vision, on both grounds: `tests/reports/figures/test_palette.py` measures it.
HUES = {
    "pink": Hue("#F283B3", "#D26996"),
    "blue": Hue("#0072B2", "#0078E1"),
    "orange": Hue("#E69F00", "#E1A500"),
    "green": Hue("#009E73", "#5AD296"),
    "red": Hue("#B42300", "#C35A2D"),
    "violet": Hue("#A596FF", "#B4A5FF"),
    "teal": Hue("#005A5A", "#A5F0FF"),
}
METHODS = ("FIANet", "LAVT", "LGCE", "RMSIN")  # always look as the first of the palette do
DASHES: dict[LineStyle, list[int]] = {"-": [1, 0], "--": [6, 3], ":": [2, 2], "-.": [6, 3, 2, 3]}
SHAPES = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "D": "diamond",
    "v": "triangle-down",
    "P": "cross",
    ">": "triangle-right",
}


@dataclass(frozen=True)
class Look:
    """How one row is drawn everywhere.

    Attributes:
        color: On white.
        lit: The same colour on a dark ground and on photographs.
        line: Its dashes where it is a line; a key of `DASHES`.
        marker: Its sign where it is a point; a key of `SHAPES`.
    """

    color: str
    lit: str
    line: LineStyle
    marker: str


def _palette() -> Iterator[Look]:
    """Looks in order: no two neighbours share anything, and a colour that comes again has other dashes and marker."""
    lines, markers = [*DASHES], [*SHAPES]
    for place in range(len(HUES) * len(DASHES)):
        around, hue = divmod(place, len(HUES))
        marker = markers[(hue + around) % len(markers)]
        yield Look(*[*HUES.values()][hue], lines[place % len(lines)], marker)


PALETTE = tuple(_palette())


def looks(methods: Mapping[str, str]) -> dict[str, Look]:
    """A look per row.

    Published models look the same in every study. Other rows take, in their order, first the looks that no model has,
    then those of models that are not in the study; a study of more rows than there are looks begins again.

    Args:
        methods: Row key to the published model it is; empty: none.
    """
    fixed = dict(zip(METHODS, PALETTE, strict=False))
    used = {fixed[method] for method in methods.values() if method}
    first, later = PALETTE[: len(HUES)], PALETTE[len(HUES) :]
    spare = sorted((look for look in first if look not in used), key=lambda look: look in fixed.values())
    others = itertools.cycle([*spare, *later])
    return {key: fixed[method] if method else next(others) for key, method in methods.items()}
