"""A table as readers see it, before any format: the one place where numbers become text and get emphasis."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
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
        faint: Rests on too few expressions to be ranked.
        short: The text where there is little room; empty: the same.
    """

    text: str
    spread: str = ""
    exact: float | None = None
    exact_spread: float = math.nan
    emphasis: Emphasis = Emphasis.none
    marker: str = ""
    sign: str = ""
    faint: bool = False
    short: str = ""

    @property
    def brief(self) -> "TableCell":
        """The cell where there is little room."""
        return replace(self, text=self.short or self.text)

    @property
    def bracketed(self) -> bool:
        """Whether a format without grey puts the cell in parentheses."""
        return self.faint and self.text not in ("", NOTHING, CHECK)


@dataclass(frozen=True)
class Column:
    """A column's heading, alignment (l, c, r), whether its best numbers stand out, whether text wraps."""

    head: str
    align: str = "l"
    ranked: bool = False
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


def fade(line: Line) -> Line:
    """A line that rests on too few expressions: grey in every column but the first, and out of the ranking."""
    first, *rest = line.cells
    return replace(line, cells=(first, *(replace(cell, faint=True) for cell in rest)), ranked=False)


def without_empty(columns: Sequence[Column], panels: Sequence[Panel]) -> tuple[list[Column], list[Panel]]:
    """Leaves out lines without a number, columns without any, and panels without lines; the first column stays."""
    full = [
        replace(panel, lines=tuple(line for line in panel.lines if any(map(_says, line.cells[1:]))))
        for panel in panels
    ]
    full = [panel for panel in full if panel.lines or panel.printed]
    lines = [line for panel in full for line in (*panel.printed, *panel.lines)]
    kept = [
        place for place in range(len(columns)) if not place or any(_says(line.cells[place]) for line in lines)
    ]

    def cut(line: Line) -> Line:
        return replace(line, cells=tuple(line.cells[place] for place in kept))

    return [columns[place] for place in kept], [
        replace(panel, lines=tuple(map(cut, panel.lines)), printed=tuple(map(cut, panel.printed)))
        for panel in full
    ]


def _says(cell: TableCell) -> bool:
    return cell.text not in ("", NOTHING)


def emphasize(
    lines: Sequence[Line],
    columns: Sequence[Column],
    standing_out: Mapping[str, Collection[str]] | None = None,
) -> tuple[Line, ...]:
    """Marks the numbers of every ranked column that stand out.

    Args:
        lines: Those that compete and those that do not (`ranked`).
        columns: Of these lines.
        standing_out: Heading of a column to the keys of its best lines, all marked alike. None: the best and the
            second best number. What readers see decides: numbers that print the same share their rank, and where all
            do, none is best.
    """
    competing = [line for line in lines if line.ranked]
    ranked = [place for place, column in enumerate(columns) if column.ranked]
    if standing_out is None:
        ranks = {place: _ranks([line.cells[place] for line in competing]) for place in ranked}
        return tuple(_marked(line, {p: ranks[p].get(line.cells[p].text) for p in ranked}) for line in lines)
    best = {place: standing_out.get(columns[place].head, ()) for place in ranked}
    return tuple(
        _marked(line, {place: Emphasis.best for place in ranked if line.key in best[place]}) for line in lines
    )


def emphasize_across(
    line: Line, keys: Sequence[str], standing_out: Collection[str] | None, ranked: Collection[str]
) -> Line:
    """Marks the numbers of one line that stand out among its last columns.

    Args:
        line: The line.
        keys: Rows of the study, a column each, the line's last.
        standing_out: As in `emphasize`, of these columns.
        ranked: Keys that compete.
    """
    first = len(line.cells) - len(keys)
    places = {place: key for place, key in enumerate(keys, first) if key in ranked}
    if standing_out is None:
        ranks = _ranks([line.cells[place] for place in places])
        return _marked(line, {place: ranks.get(line.cells[place].text) for place in places})
    return _marked(line, {place: Emphasis.best for place, key in places.items() if key in standing_out})


def _marked(line: Line, marks: Mapping[int, Emphasis | None]) -> Line:
    if not line.ranked:
        return line
    cells = (
        replace(cell, emphasis=(None if cell.faint else marks.get(place)) or Emphasis.none)
        for place, cell in enumerate(line.cells)
    )
    return replace(line, cells=tuple(cells))


def _ranks(cells: Sequence[TableCell]) -> dict[str, Emphasis]:
    shown: dict[float, str] = {}
    for cell in cells:
        if cell.exact is not None and not math.isnan(cell.exact) and not cell.faint:
            shown[round(cell.exact, 2)] = cell.text
    ordered = sorted(shown, reverse=True)
    if len(ordered) < 2:
        return {}
    best, second = ordered[:2]
    seconds = {shown[second]: Emphasis.second} if second else {}  # 0.00 is nobody's achievement
    return seconds | {shown[best]: Emphasis.best}
