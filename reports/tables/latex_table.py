"""A table in LaTeX, in the style of the page it is made for: rules, size, and whether a column holds it."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from reports.tables.grid import Emphasis, Grid, TableCell
from reports.text import escape as escapes
from reports.text.templates import render

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?")
_EMPHASIS = {Emphasis.none: "{}", Emphasis.best: r"\textbf{{{}}}", Emphasis.second: r"\underline{{{}}}"}
_WRAPPED = r">{\raggedright\arraybackslash}p{.48\linewidth}"
_HEAD = 16  # letters of a heading above which it is broken into lines, where it has blanks


@dataclass(frozen=True)
class Rules:
    """The horizontal rules of a table; `printed` lies below numbers of papers, %d being the last column."""

    top: str
    head: str
    panel: str
    printed: str
    bottom: str


@dataclass(frozen=True)
class LatexStyle:
    """What a table must suit.

    Attributes:
        rules: Its lines.
        page: Width of the text of a page, in points.
        column: Width of one of its two columns, in points; None: it has one.
        small_caps: Whether the class sets captions in capitals, which suit a title alone: what else is said of the
            table then stands first among its notes.
        stretch: Of its rows.
        placement: Of its float, in brackets; empty: the class's.
        fitted: Whether the document knows the environment `fitted`, which makes smaller what is wider than the line.
    """

    rules: Rules
    page: float
    column: float | None = None
    small_caps: bool = False
    stretch: float = 1.0
    placement: str = ""
    fitted: bool = False


BOOKTABS = Rules(r"\toprule", r"\midrule", r"\midrule", r"\cmidrule{1-%d}", r"\bottomrule")
LINES = Rules(r"\hline", r"\hline\hline", r"\hline", r"\cline{1-%d}", r"\hline")
ANY_CLASS = LatexStyle(BOOKTABS, page=483.7)  # 17 cm: two-column journals, `article` with 2 cm margins
STYLES = {
    "booktabs": replace(ANY_CLASS, placement="[!htbp]", fitted=True),
    "ieee": LatexStyle(LINES, 516.0, 252.0, small_caps=True, stretch=1.15, placement="[!htbp]", fitted=True),
}


@dataclass(frozen=True)
class Size:
    """How large a table's letters are, in points, and what lies between its columns."""

    command: str
    points: float
    gap: float


SIZES = (
    Size(r"\footnotesize", 8, 5),
    Size(r"\footnotesize", 8, 3),
    Size(r"\scriptsize", 7, 3),
    Size(r"\scriptsize", 7, 2),
)
_SPREAD = 5  # points of \tiny, in which spreads are set


def latex_table(grid: Grid, style: LatexStyle = ANY_CLASS, see: str = "") -> str:
    """A float with the table: numbers aligned by siunitx, notes below, the cells it was made from in comments.

    Args:
        grid: The table.
        style: What it must suit.
        see: Label of a table whose notes hold for this one too; empty: none.
    """
    places = range(len(grid.columns))
    numeric = [_number_format(grid, place) for place in places]
    signed = [any(line.cells[place].sign for line in grid.lines()) for place in places]
    paired = [spread or sign for spread, sign in zip(grid.spreads, signed, strict=True)]
    heads, preamble = [], ""
    for column, pair, form in zip(grid.columns, paired, numeric, strict=True):
        head = _head(column.head)
        heads.append(rf"\multicolumn{{2}}{{c}}{{{head}}}" if pair else f"{{{head}}}" if form else head)
        kind = f"S[table-format={form}]" if form else _WRAPPED if column.wraps else column.align
        preamble += f"{kind}@{{}}l" if pair else kind
    environment, size = _fitting(grid, style)
    return render(
        "table.tex.j2",
        {"latex": escapes.latex, "label": escapes.slug, "comment": escapes.plain},
        grid=grid,
        row=partial(_row, paired, numeric),
        style=style,
        environment=environment,
        size=size,
        see=see,
        preamble=preamble,
        width=len(grid.columns) + sum(paired),
        head=" & ".join(heads),
    )


def _head(text: str) -> str:
    """A heading, a long one in several lines, the last at the height of the others."""
    lines = _head_lines(text)
    stacked = r"\\".join(map(escapes.latex, lines))
    return stacked if len(lines) == 1 else rf"\shortstack{{{stacked}}}"


def _head_lines(text: str) -> list[str]:
    whole = len(text) <= _HEAD
    return [text] if whole else textwrap.wrap(text, _HEAD, break_long_words=False, break_on_hyphens=False)


def _fitting(grid: Grid, style: LatexStyle) -> tuple[str, Size]:
    """The narrowest float that holds the columns, in the largest letters that it holds them in."""
    widths = [_width(grid, place) for place, column in enumerate(grid.columns) if not column.wraps]
    share = 1.0 if len(widths) == len(grid.columns) else 0.5  # a column that wraps takes the other half
    for environment, room in (("table", style.column), ("table*", style.page)):
        for size in SIZES:
            gaps = 2 * size.gap * (len(grid.columns) - 1)
            needed = gaps + sum(size.points * text + _SPREAD * spread for text, spread in widths)
            if room is not None and needed <= share * room:
                return environment, size
    return "table*", SIZES[-1]


def _width(grid: Grid, place: int) -> tuple[float, float]:
    """Of a column's widest text, and of its widest spread and sign, in em of their sizes."""
    cells = [line.cells[place] for line in grid.lines()]
    texts = [*_head_lines(grid.columns[place].head), *(cell.text + cell.marker for cell in cells)]
    beside = [f"{'±' if cell.spread else ''}{cell.spread}{cell.sign}" for cell in cells]
    return max(map(_em, texts)), max(map(_em, beside), default=0)


_NARROW, _BROAD = frozenset("iljtfrI.,:;'|!()[] "), frozenset("mwMW@%Δ±→")


def _em(text: str) -> float:
    """About how wide a text is: a little more than in Times or Computer Modern."""
    return sum(_letter(each) for each in text)


def _letter(letter: str) -> float:
    if letter in _NARROW:
        return 0.34
    if letter in _BROAD:
        return 0.88
    return 0.73 if letter.isupper() else 0.52


def _number_format(grid: Grid, place: int) -> str:
    """Digits before and after the point of a column of numbers (`+2.2`); empty where it holds others."""
    found = [_DECIMAL.fullmatch(_ascii(line.cells[place].text)) for line in grid.lines()]
    numbers = [match for match in found if match]
    if not numbers or grid.columns[place].align != "r":
        return ""
    sign = "+" if any(match[1] for match in numbers) else ""
    decimals = max(len(match[3] or "") for match in numbers)
    return f"{sign}{max(len(match[2]) for match in numbers)}.{decimals}"


def _ascii(text: str) -> str:
    return text.replace("−", "-")


def _row(paired: Sequence[bool], numeric: Sequence[str], cells: Sequence[TableCell]) -> str:
    texts: list[str] = []
    for cell, pair, form in zip(cells, paired, numeric, strict=True):
        shown = _number(cell) if form else _EMPHASIS[cell.emphasis].format(escapes.latex(cell.text))
        shown += rf"\textsuperscript{{{cell.marker}}}" if cell.marker else ""
        grey = r"\color{gray} " if cell.faint and shown else ""
        texts.append(grey + shown)
        if pair:
            spread = rf"{{\tiny$\pm${cell.spread}}}" if cell.spread else ""
            texts.append((grey if spread else "") + spread + escapes.latex(cell.sign))
    return " & ".join(texts)


def _number(cell: TableCell) -> str:
    """For a column of siunitx: a number it parses, anything else in braces."""
    text = _ascii(cell.text)
    if not _DECIMAL.fullmatch(text):
        return f"{{{escapes.latex(cell.text)}}}" if text else ""
    if cell.emphasis == Emphasis.best:
        return rf"\bfseries {text}"
    if cell.emphasis == Emphasis.second:  # a line below the number, which siunitx still aligns
        return rf"{text}\llap{{\underline{{\phantom{{{text}}}}}}}"
    return text
