"""The table of printed numbers beside ours."""

from reports.statistics.frame import HEADLINE, METRICS, StudyFrame, StudyRow
from reports.statistics.published import Printed, printed_of, same_set
from reports.tables.footnotes import Footnotes, general
from reports.tables.grid import Column, Grid, Line, Panel, TableCell, number
from reports.tables.notes import protocol_notes, source_note
from reports.tables.side_table import side_grid
from reports.text.escape import plain


def reproduction_grid(frame: StudyFrame) -> Grid | None:
    """Printed, ours and the gap, a line each, for every row that bears a published method's name; None without any."""
    footnotes, panels = Footnotes(), []
    for dataset in frame.datasets:
        for split in frame.splits:
            lines = [
                line
                for row in frame.rows_on(dataset)
                for printed in _namesakes(frame, row, dataset, split)
                for line in _reproduced(frame, row, dataset, printed, footnotes)
            ]
            if lines:
                panels.append(Panel(plain(dataset), split, tuple(lines)))
    if not panels:
        return None
    columns = (Column("Method"), Column("Numbers"), *(Column(metric, "r") for metric in METRICS))
    notes = (*general(protocol_notes(frame)), *footnotes.notes())
    caption = "Numbers as printed, ours, and ours minus printed."
    return side_grid(frame, "reproduction", "reproduction", columns, panels, notes, caption)


def _reproduced(
    frame: StudyFrame, row: StudyRow, dataset: str, printed: Printed, footnotes: Footnotes
) -> tuple[Line, ...]:
    ours = frame.scores(row.key, dataset, printed.split)
    numbers = {
        "printed": [number(printed.score(metric)) for metric in METRICS],
        "ours": [number(ours[metric].mean, ours[metric].std) for metric in METRICS],
        "gap": [number(ours[metric].mean - printed.score(metric), signed=True) for metric in METRICS],
    }
    label = TableCell(row.label, marker=footnotes.marker(source_note(printed)))
    return tuple(
        Line(plain(row.key), (label, TableCell(name), *cells), ours[HEADLINE].n, ranked=False)
        for name, cells in numbers.items()
    )


def _namesakes(frame: StudyFrame, row: StudyRow, dataset: str, split: str) -> list[Printed]:
    if not same_set(dataset, split, frame.expressions(dataset, split)):
        return []
    names = {row.key.casefold(), row.label.casefold()}
    methods = [method for method in frame.study.get("published", ()) if method.casefold() in names]
    return printed_of(methods, dataset, split)
