"""Prints the differences between two studies for people."""

import math

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.comparison.differences import Difference
from reports.statistics.frame import HEADLINE
from reports.text.places import place_title


def show(found: list[Difference], tolerance: float, console: Console) -> None:
    """Prints a line per row and what it comes to."""
    table = Table(box=None, header_style="dim")
    for head, justify in (
        ("Study", "left"),
        ("Row", "left"),
        ("On", "left"),
        ("Seeds", "right"),
        ("A", "right"),
    ):
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    for head in ("B", f"Δ {HEADLINE}", "95 % interval", "largest Δ"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("")
    for each in found:
        interval = "" if math.isnan(each.low) else f"[{each.low:+.2f}, {each.high:+.2f}]"
        numbers = [each.before, each.after, each.after - each.before]
        texts = [
            ("–" if math.isnan(n) else format(n, f))
            for n, f in zip(numbers, (".2f", ".2f", "+.2f"), strict=True)
        ]
        largest = "–" if math.isnan(each.largest) else f"{each.largest:.3f}"
        table.add_row(
            *map(Text, (each.study, each.label, place_title(each.dataset, each.split), str(each.seeds))),
            *map(Text, (*texts, interval, largest)),
            Text(outcome(each, tolerance)),
        )
    console.print(table)
    differ = [each for each in found if each.largest > tolerance]
    missing = [each for each in found if each.missing]
    said = f"{len(found)} compared: {len(found) - len(differ) - len(missing)} the same, {len(differ)} differ"
    console.print(f"{said}, {len(missing)} on one side only or not done.", highlight=False)


def outcome(difference: Difference, tolerance: float) -> str:
    """In words, what became of one row."""
    if difference.missing:
        return "one side is missing"
    if difference.largest <= tolerance:
        return "same"
    return "differs, same cell" if difference.same_cells else "differs"
