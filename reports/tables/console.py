"""Prints the grid for people, within the width they have."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reports.tables.formats import markdown
from reports.tables.grid import Emphasis, Grid, Panel, TableCell

_JUSTIFY: dict[str, Any] = {"l": "left", "c": "center", "r": "right"}
_STYLES = {Emphasis.none: "", Emphasis.best: "bold green", Emphasis.second: "underline"}


def show(grid: Grid, console: Console) -> None:
    """Prints the table; Markdown where the output is not a terminal.

    In a narrow terminal columns are left out (check marks first, then precisions), and a line names them.
    """
    if not console.is_terminal:
        console.file.write(markdown(grid))
        return
    shown = list(range(len(grid.columns)))
    for group in _expendable(grid):
        if all(_width(_table(grid, panel, shown), console) <= console.width for panel in grid.panels):
            break
        shown = [place for place in shown if place not in group]
    console.print(Text(grid.title, style="bold"))
    for panel in grid.panels:
        console.print(_table(grid, panel, shown))
        console.print()
    left_out = [column.head for place, column in enumerate(grid.columns) if place not in shown]
    if left_out:
        console.print(Text(f"Too narrow for {', '.join(left_out)}: see the files.", style="dim"))
    for note in grid.notes:
        console.print(Text(f"({note.marker}) {note.text}" if note.marker else note.text, style="dim"))


def _expendable(grid: Grid) -> list[list[int]]:
    marks = [place for place, column in enumerate(grid.columns) if column.align == "c"]
    precisions = [place for place, column in enumerate(grid.columns) if column.head.startswith("P@")]
    return [marks, *([place] for place in reversed(precisions))]


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=1000), table).maximum


def _table(grid: Grid, panel: Panel, shown: Sequence[int]) -> Table:
    table = Table(title=Text(panel.title, style="italic"), title_justify="left", box=None, header_style="dim")
    for place in shown:
        column = grid.columns[place]
        table.add_column(Text(column.head), justify=_JUSTIFY[column.align], no_wrap=column.align != "l")
    for line in (*panel.printed, *panel.lines):
        ends = bool(panel.printed) and line is panel.printed[-1]
        table.add_row(*(_text(line.cells[place]) for place in shown), end_section=ends)
    return table


def _text(cell: TableCell) -> Text:
    spread = f" ±{cell.spread}" if cell.spread else ""
    return Text.assemble(
        (cell.text, _STYLES[cell.emphasis]),
        (spread, "dim"),
        cell.sign,
        f" ({cell.marker})" if cell.marker else "",
    )
