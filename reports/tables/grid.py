"""A table as readers see it, before any format: the one place where numbers become text and get emphasis."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from reports.text.numbers import two_decimals
from reports.text.places import place_title

CHECK = "✓"
NOTHING = "–"


class Emphasis(StrEnum):
    """How a number stands out among its column."""

    none = "none"
    best = "best"
    second = "second"


@dataclass(frozen=True)
class TableCell:
    """One place of the table.

    Attributes:
        text: What every format shows.
        spread: What is shown after ±; empty: nothing.
        exact: The value behind the text at full precision; None: the text is the value. NaN: missing.
        exact_spread: The value behind the spread; NaN: none.
        marker: Letter of the footnote that belongs here.
        sign: Marks of significance, explained in a note.
    """

    text: str
    spread: str = ""
    exact: float | None = None
    exact_spread: float = math.nan
    emphasis: Emphasis = Emphasis.none
    marker: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Column:
    """A column's heading, alignment (l, c, r), whether its best numbers (or smallest) stand out, whether text wraps."""

    head: str
    align: str = "l"
    ranked: bool = False
    lower: bool = False
    wraps: bool = False


@dataclass(frozen=True)
class Line:
    """One row of cells, and what machines are told besides: its key, seeds with scores, what is missing.

    `ranked`: whether its numbers compete; those of other protocols, or printed by others, do not.
    """

    key: str
    cells: tuple[TableCell, ...]
    seeds: int = 0
    missing: str = ""
    ranked: bool = True


@dataclass(frozen=True)
class Panel:
    """Lines whose numbers are compared with each other: one data set and split.

    `printed` are numbers of papers, kept apart by a rule.
    """

    dataset: str
    split: str
    lines: tuple[Line, ...]
    printed: tuple[Line, ...] = ()

    @property
    def title(self) -> str:
        """Heading above the lines."""
        return place_title(self.dataset, self.split)


@dataclass(frozen=True)
class Note:
    """A footnote; `marker` is the letter the table refers to it by, empty for a general one."""

    text: str
    marker: str = ""


@dataclass(frozen=True)
class Grid:
    """A whole table: what every writer is given."""

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    panels: tuple[Panel, ...]
    notes: tuple[Note, ...] = ()
    sources: tuple[str, ...] = ()
    command: str = ""
    spreads: tuple[bool, ...] = field(init=False)

    def __post_init__(self) -> None:
        lines = list(self.lines())
        spreads = (any(line.cells[place].spread for line in lines) for place in range(len(self.columns)))
        object.__setattr__(self, "spreads", tuple(spreads))

    def lines(self) -> Iterator[Line]:
        """All lines of all panels."""
        return (line for panel in self.panels for line in (*panel.printed, *panel.lines))


def number(value: float, spread: float = math.nan, *, signed: bool = False, sign: str = "") -> TableCell:
    """A number with two decimals, as the field prints percentages; NaN shows as a dash."""
    if math.isnan(value):
        return TableCell(NOTHING, exact=math.nan)
    shown = "" if math.isnan(spread) else f"{spread:.2f}"
    return TableCell(two_decimals(value, signed=signed), shown, value, spread, sign=sign)


def mark(on: bool) -> TableCell:
    """A check mark or nothing."""
    return TableCell(CHECK if on else "", exact=int(on))


def count(value: float) -> TableCell:
    """A whole number with its thousands apart; NaN shows as a dash."""
    return (
        TableCell(NOTHING, exact=math.nan)
        if math.isnan(value)
        else TableCell(f"{round(value):,}", exact=value)
    )


def emphasize(lines: Sequence[Line], columns: Sequence[Column]) -> tuple[Line, ...]:
    """Marks the best and the second best number of every ranked column.

    What readers see decides: numbers that print the same share their rank. Where all do, none is best.
    """
    competing = [line for line in lines if line.ranked]
    ranks = {
        place: _ranks([line.cells[place] for line in competing], column.lower)
        for place, column in enumerate(columns)
        if column.ranked
    }
    return tuple(
        replace(
            line,
            cells=tuple(
                replace(cell, emphasis=ranks[place].get(cell.text, Emphasis.none)) if place in ranks else cell
                for place, cell in enumerate(line.cells)
            ),
        )
        if line.ranked
        else line
        for line in lines
    )


def emphasize_across(line: Line, first: int) -> Line:
    """Marks the best and second best number of one line, from column `first` on."""
    ranks = _ranks(line.cells[first:], lower=False)
    ranked = (replace(cell, emphasis=ranks.get(cell.text, Emphasis.none)) for cell in line.cells[first:])
    return replace(line, cells=(*line.cells[:first], *ranked))


def _ranks(cells: Sequence[TableCell], lower: bool) -> dict[str, Emphasis]:
    shown: dict[float, str] = {}
    for cell in cells:
        if cell.exact is not None and not math.isnan(cell.exact):
            shown[round(cell.exact, 2)] = cell.text
    ordered = sorted(shown, reverse=not lower)
    if len(ordered) < 2:
        return {}
    best, second = ordered[:2]
    return {shown[second]: Emphasis.second, shown[best]: Emphasis.best}
