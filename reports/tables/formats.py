"""From the neutral grid to LaTeX, Markdown, HTML and CSV. Nothing is rounded or ranked here."""

import csv
import io
import math
import re
from collections.abc import Sequence
from functools import partial

from markupsafe import Markup

from reports.tables.grid import Emphasis, Grid, Panel, TableCell
from reports.text import escape as escapes
from reports.text.templates import render

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?")
_LATEX_EMPHASIS = {Emphasis.none: "{}", Emphasis.best: r"\textbf{{{}}}", Emphasis.second: r"\underline{{{}}}"}


WIDEST = 110  # letters of a line that 17 cm, the text width of a journal page, hold at footnote size
WRAPPED = r">{\raggedright\arraybackslash}p{.48\linewidth}"


def latex(grid: Grid) -> str:
    """A `table*` for any class: booktabs rules, numbers aligned by siunitx, notes below, source cells in comments."""
    heads, preamble = [], ""
    numeric = [_number_format(grid, place) for place in range(len(grid.columns))]
    signed = [any(line.cells[place].sign for line in grid.lines()) for place in range(len(grid.columns))]
    paired = [spread or sign for spread, sign in zip(grid.spreads, signed, strict=True)]
    for column, spread, form in zip(grid.columns, paired, numeric, strict=True):
        head = escapes.latex(column.head)
        heads.append(rf"\multicolumn{{2}}{{c}}{{{head}}}" if spread else f"{{{head}}}" if form else head)
        kind = f"S[table-format={form}]" if form else WRAPPED if column.wraps else column.align
        preamble += f"{kind}@{{}}l" if spread else kind
    wide = len(grid.columns) + sum(paired)
    dense = wide > 10 or _letters(grid) > WIDEST
    return render(
        "table.tex.j2",
        {
            "latex": escapes.latex,
            "label": escapes.slug,
            "comment": escapes.plain,
        },
        grid=grid,
        row=partial(_latex_row, paired, numeric),
        size=r"\scriptsize" if dense else r"\footnotesize",
        gap="2pt" if wide > 14 else "3pt" if dense else "5pt",
        preamble=preamble,
        width=wide,
        head=" & ".join(heads),
    )


def _letters(grid: Grid) -> int:
    """Letters of a line as wide as every column's widest text and the gaps between."""
    return sum(
        3 + max([len(column.head), *(len(line.cells[place].text) for line in grid.lines())])
        for place, column in enumerate(grid.columns)
        if not column.wraps
    )


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


def _latex_row(paired: Sequence[bool], numeric: Sequence[str], cells: Sequence[TableCell]) -> str:
    texts: list[str] = []
    for cell, pair, form in zip(cells, paired, numeric, strict=True):
        shown = (
            _latex_number(cell) if form else _LATEX_EMPHASIS[cell.emphasis].format(escapes.latex(cell.text))
        )
        shown += rf"\textsuperscript{{{cell.marker}}}" if cell.marker else ""
        grey = r"\color{gray} " if cell.faint and shown else ""
        texts.append(grey + shown)
        if pair:
            spread = rf"{{\tiny$\pm${cell.spread}}}" if cell.spread else ""
            texts.append((grey if spread else "") + spread + escapes.latex(cell.sign))
    return " & ".join(texts)


def _latex_number(cell: TableCell) -> str:
    """For a column of siunitx: a number it parses, anything else in braces."""
    text = _ascii(cell.text)
    if not _DECIMAL.fullmatch(text):
        return f"{{{escapes.latex(cell.text)}}}" if text else ""
    if cell.emphasis == Emphasis.best:
        return rf"\bfseries {text}"
    if cell.emphasis == Emphasis.second:  # a line below the number, which siunitx still aligns
        return rf"{text}\llap{{\underline{{\phantom{{{text}}}}}}}"
    return text


def markdown(grid: Grid) -> str:
    """GitHub tables, one a panel, their columns aligned in the source; second best underlined by `<u>`."""
    heads = [escapes.markdown(column.head) for column in grid.columns]
    panels = [_markdown_lines(panel, len(grid.columns)) for panel in grid.panels]
    lines = [heads, *(line for panel in panels for line in panel)]
    widths = [max(len(line[place]) for line in [*lines, ["---"] * len(heads)]) for place in range(len(heads))]

    def row(texts: Sequence[str]) -> str:
        align = {"l": str.ljust, "c": str.center, "r": str.rjust}
        padded = (
            align[c.align](text, width) for c, text, width in zip(grid.columns, texts, widths, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    def rule(align: str, width: int) -> str:
        return (":" if align != "r" else "-") + "-" * (width - 2) + (":" if align != "l" else "-")

    return render(
        "table.md.j2",
        {"markdown": escapes.markdown},
        grid=grid,
        row=row,
        heads=heads,
        rules=[rule(column.align, width) for column, width in zip(grid.columns, widths, strict=True)],
        panels=zip((panel.title for panel in grid.panels), panels, strict=True),
    )


def _markdown_lines(panel: Panel, width: int) -> list[list[str]]:
    """Printed lines, an empty one for the rule Markdown does not have, then ours."""
    printed, ours = (
        [list(map(_markdown_cell, line.cells)) for line in part] for part in (panel.printed, panel.lines)
    )
    return [*printed, *([[""] * width] if printed and ours else []), *ours]


def _markdown_cell(cell: TableCell) -> str:
    emphasis = {Emphasis.none: "{}", Emphasis.best: "**{}**", Emphasis.second: "<u>{}</u>"}
    spread = f" ± {cell.spread}" if cell.spread else ""
    marker = f"<sup>{cell.marker}</sup>" if cell.marker else ""
    sign = escapes.markdown(cell.sign)
    shown = emphasis[cell.emphasis].format(escapes.markdown(cell.text)) + spread + sign
    return (f"({shown})" if cell.bracketed else shown) + marker


def html(grid: Grid) -> str:
    """A page of its own, readable from disk; every string is escaped."""
    return render("table.html.j2", {"cell": html_cell}, autoescape=True, grid=grid)


def html_cell(cell: TableCell) -> Markup:
    """What stands in a `td`."""
    emphasis = {Emphasis.none: "{}", Emphasis.best: "<strong>{}</strong>", Emphasis.second: "<u>{}</u>"}
    text = Markup(emphasis[cell.emphasis]).format(cell.text)
    text += Markup(" <small>± {}</small>").format(cell.spread) if cell.spread else ""
    text += cell.sign
    text = Markup('<span class="faint">{}</span>').format(text) if cell.faint and cell.text else text
    return text + (Markup("<sup>{}</sup>").format(cell.marker) if cell.marker else "")


def table_csv(grid: Grid) -> str:
    """The table at full precision: a line per data set, split and row; spreads in columns of their own."""
    head = ["dataset", "split", "row"]
    for column, spread in zip(grid.columns, grid.spreads, strict=True):
        head += [column.head, f"{column.head} std"] if spread else [column.head]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, "seeds", "missing"])
    for panel in grid.panels:
        for line in (*panel.printed, *panel.lines):
            values = [panel.dataset, panel.split, line.key]
            for cell, spread in zip(line.cells, grid.spreads, strict=True):
                values += [_exact(cell), _number(cell.exact_spread)] if spread else [_exact(cell)]
            writer.writerow([*values, str(line.seeds), line.missing])
    return out.getvalue()


def _exact(cell: TableCell) -> str:
    return cell.text if cell.exact is None else _number(cell.exact)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)
