"""Prints the grid for people, within the width they have."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reports.tables.grid import Emphasis, Grid, Panel, TableCell

_JUSTIFY: dict[str, Any] = {"l": "left", "c": "center", "r": "right"}
_STYLES = {Emphasis.none: "", Emphasis.best: "bold green", Emphasis.second: "underline"}
WIDEST = 10_000  # letters: output that is no terminal is cut nowhere
SIGNS = {Emphasis.none: "", Emphasis.best: "▸", Emphasis.second: "▹"}  # for where nothing can be bold


def show(grid: Grid, console: Console) -> None:
    """Prints the table, its numbers aligned; signs stand for bold and underlined where the output is not a terminal.

    In a narrow terminal columns are left out (check marks first, then precisions), and a line names them.
    """
    plain = not console.is_terminal
    if plain:
        console = Console(file=console.file, width=WIDEST, color_system=None, legacy_windows=False)
    shown = list(range(len(grid.columns)))
    for group in _expendable(grid):
        if all(_width(_table(grid, panel, shown, plain), console) <= console.width for panel in grid.panels):
            break
        shown = [place for place in shown if place not in group]
    _line(console, grid.title, "bold")
    _line(console, grid.caption, "dim")
    for panel in grid.panels:
        console.print()
        _line(console, panel.title, "italic")
        console.print(_table(grid, panel, shown, plain))
    console.print()
    left_out = [column.head for place, column in enumerate(grid.columns) if place not in shown]
    if left_out:
        _line(console, f"Too narrow for {', '.join(left_out)}: see the files.", "dim")
    if plain and any(cell.emphasis != Emphasis.none for line in grid.lines() for cell in line.cells):
        _line(
            console, f"{SIGNS[Emphasis.best]} bold, {SIGNS[Emphasis.second]} underlined in the other formats."
        )
    for note in grid.notes:
        _line(console, f"({note.marker}) {note.text}" if note.marker else note.text, "dim")


def _line(console: Console, text: str, style: str = "") -> None:
    if text:
        console.print(Text(text, style=style))


def _expendable(grid: Grid) -> list[list[int]]:
    marks = [place for place, column in enumerate(grid.columns) if column.align == "c"]
    precisions = [place for place, column in enumerate(grid.columns) if column.head.startswith("P@")]
    return [marks, *([place] for place in reversed(precisions))]


def _width(table: Table, console: Console) -> int:
    return Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum


def _table(grid: Grid, panel: Panel, shown: Sequence[int], plain: bool) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for place in shown:
        column = grid.columns[place]
        table.add_column(Text(column.head), justify=_JUSTIFY[column.align], no_wrap=column.align != "l")
    for line in (*panel.printed, *panel.lines):
        ends = bool(panel.printed) and line is panel.printed[-1]
        table.add_row(*(_text(line.cells[place], plain) for place in shown), end_section=ends)
    return table


def _text(cell: TableCell, plain: bool) -> Text:
    grey = cell.bracketed
    style = "dim" if grey else _STYLES[cell.emphasis]
    return Text.assemble(
        "(" if grey else "",
        (f"{SIGNS[cell.emphasis] if plain else ''}{cell.text}", style),
        (f" ±{cell.spread}" if cell.spread else "", "dim"),
        cell.sign,
        ")" if grey else "",
        f" ({cell.marker})" if cell.marker else "",
    )
