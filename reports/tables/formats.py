"""From the neutral grid to LaTeX, Markdown, HTML and CSV. Nothing is rounded or ranked here."""

import csv
import io
import math
from collections.abc import Sequence

from markupsafe import Markup

from reports.tables.grid import Emphasis, Grid, Panel, TableCell
from reports.tables.latex_table import latex_table
from reports.text import escape as escapes
from reports.text.templates import render


def latex(grid: Grid) -> str:
    """A `table*` for any class, with booktabs rules."""
    return latex_table(grid)


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
