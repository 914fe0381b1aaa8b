"""What every table beside the main one has in common."""

from collections.abc import Sequence

from reports.statistics.frame import StudyFrame, StudyRow
from reports.tables.footnotes import general
from reports.tables.grid import NOTHING, Column, Grid, Note, Panel, TableCell, number, without_empty
from reports.tables.notes import training_notes
from reports.text.escape import plain


def side_grid(
    frame: StudyFrame,
    name: str,
    title: str,
    columns: Sequence[Column],
    panels: Sequence[Panel],
    notes: Sequence[Note],
    caption: str = "",
) -> Grid:
    """A table beside the main one; rows and columns that would be empty are left out.

    Args:
        frame: The study.
        name: Of the file, behind the study's.
        title: Behind the study's.
        columns: From left to right.
        panels: From top to bottom.
        notes: Below; what rows were trained from and on is added.
        caption: What the numbers are.
    """
    study = plain(frame.study.get("title") or frame.study["name"]).rstrip(".")
    columns, panels = without_empty(columns, panels)
    return Grid(
        name=f"{plain(frame.study['name'])}-{name}",
        title=f"{study}: {title}",
        caption=caption,
        columns=tuple(columns),
        panels=tuple(panels),
        notes=(*notes, *general(training_notes(frame))),
        sources=sources(frame),
        command=plain(frame.study.get("command") or ""),
    )


def sources(frame: StudyFrame) -> tuple[str, ...]:
    """The cells a table was made from, one line each."""
    cells = frame.results.drop_duplicates(["row", "dataset", "seed"]).to_dict("records")
    return tuple(
        plain(f"{cell['row']}, {cell['dataset']}, seed {cell['seed']}: {cell['cell']} {cell['state']}")
        for cell in cells
    )


def label_cell(row: StudyRow, marker: str = "") -> TableCell:
    """A row's name, with the letter of its footnote."""
    return TableCell(row.label, marker=marker, short=row.short)


def interval_cell(ends: tuple[float, float] | None, *, signed: bool = False) -> TableCell:
    """[low, high], or a dash."""
    if ends is None:
        return TableCell(NOTHING)
    low, high = (number(end, signed=signed).text for end in ends)
    return TableCell(f"[{low}, {high}]")
