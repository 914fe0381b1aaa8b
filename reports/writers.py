"""From the neutral grid to LaTeX, Markdown, HTML and CSV. Nothing is rounded or ranked here."""

import csv
import io
import math
from collections.abc import Callable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import escape as escapes
from reports.grid import Cell, Emphasis, Grid


def latex(grid: Grid) -> str:
    """A `table*` for any class: booktabs rules, emphasis, notes below, source cells in comments."""
    heads, preamble = [], ""
    for column, spread in zip(grid.columns, grid.spreads, strict=True):
        head = escapes.latex(column.head)
        heads.append(rf"\multicolumn{{2}}{{c}}{{{head}}}" if spread else head)
        preamble += "r@{}l" if spread else column.align
    dense = any(grid.spreads)  # to fit 17 cm, the text width of a journal page
    return _render(
        "table.tex.j2",
        {"latex": escapes.latex, "label": escapes.slug, "comment": escapes.plain, "row": _latex_row(grid)},
        grid=grid,
        size=r"\scriptsize" if dense else r"\footnotesize",
        gap="2pt" if dense else "3pt",
        preamble=preamble,
        width=len(grid.columns) + sum(grid.spreads),
        head=" & ".join(heads),
    )


def _latex_row(grid: Grid) -> Callable[[Sequence[Cell]], str]:
    emphasis = {Emphasis.none: "{}", Emphasis.best: r"\textbf{{{}}}", Emphasis.second: r"\underline{{{}}}"}

    def places(cell: Cell, spread: bool) -> list[str]:
        text = emphasis[cell.emphasis].format(escapes.latex(cell.text))
        text += rf"\textsuperscript{{{cell.marker}}}" if cell.marker else ""
        return [text, rf"{{\tiny$\pm${cell.spread}}}" if cell.spread else ""] if spread else [text]

    def row(cells: Sequence[Cell]) -> str:
        return " & ".join(
            place for cell, spread in zip(cells, grid.spreads, strict=True) for place in places(cell, spread)
        )

    return row


def markdown(grid: Grid) -> str:
    """GitHub tables, one a panel, their columns aligned in the source; second best underlined by `<u>`."""
    heads = [escapes.markdown(column.head) for column in grid.columns]
    panels = [[list(map(_markdown_cell, line.cells)) for line in panel.lines] for panel in grid.panels]
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

    return _render(
        "table.md.j2",
        {"markdown": escapes.markdown, "row": row},
        grid=grid,
        heads=heads,
        rules=[rule(column.align, width) for column, width in zip(grid.columns, widths, strict=True)],
        panels=zip((panel.title for panel in grid.panels), panels, strict=True),
    )


def _markdown_cell(cell: Cell) -> str:
    emphasis = {Emphasis.none: "{}", Emphasis.best: "**{}**", Emphasis.second: "<u>{}</u>"}
    spread = f" ± {cell.spread}" if cell.spread else ""
    marker = f"<sup>{cell.marker}</sup>" if cell.marker else ""
    return emphasis[cell.emphasis].format(escapes.markdown(cell.text)) + spread + marker


def html(grid: Grid) -> str:
    """A page of its own, readable from disk; every string is escaped."""
    emphasis = {Emphasis.none: "{}", Emphasis.best: "<strong>{}</strong>", Emphasis.second: "<u>{}</u>"}

    def shown(cell: Cell) -> Markup:
        text = Markup(emphasis[cell.emphasis]).format(cell.text)
        text += Markup(" <small>± {}</small>").format(cell.spread) if cell.spread else ""
        return text + (Markup("<sup>{}</sup>").format(cell.marker) if cell.marker else "")

    return _render("table.html.j2", {"cell": shown}, autoescape=True, grid=grid)


def table_csv(grid: Grid) -> str:
    """The table at full precision: a line per data set, split and row; spreads in columns of their own."""
    head = ["dataset", "split", "row"]
    for column, spread in zip(grid.columns, grid.spreads, strict=True):
        head += [column.head, f"{column.head} std"] if spread else [column.head]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, "seeds", "missing"])
    for panel in grid.panels:
        for line in panel.lines:
            values = [panel.dataset, panel.split, line.key]
            for cell, spread in zip(line.cells, grid.spreads, strict=True):
                values += [_exact(cell), _number(cell.exact_spread)] if spread else [_exact(cell)]
            writer.writerow([*values, str(line.seeds), line.missing])
    return out.getvalue()


def _exact(cell: Cell) -> str:
    return cell.text if cell.exact is None else _number(cell.exact)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _render(
    template: str, filters: dict[str, Callable[..., object]], *, autoescape: bool = False, **values: object
) -> str:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters |= filters
    return environment.get_template(template).render(values)
