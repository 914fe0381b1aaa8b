"""The table of printed numbers beside ours, and whether ours reproduce them."""

import math
from collections.abc import Mapping

from reports.statistics.evidence import Place
from reports.statistics.frame import HEADLINE, METRICS, StudyFrame, StudyRow
from reports.statistics.published import Printed, printed_of, same_set
from reports.statistics.reproduction import Reproduction, reproduction
from reports.statistics.samples import Samples
from reports.tables.footnotes import Footnotes, general
from reports.tables.grid import NOTHING, Column, Grid, Line, Panel, TableCell, number
from reports.tables.notes import protocol_notes, row_note, source_note
from reports.tables.side_table import label_cell, side_grid
from reports.text.escape import plain

VERDICT = (
    "Reproduced: the printed number lies inside the 95 % interval of ours, over seeds and images together; unknown "
    "with one seed."
)


def reproduction_grid(frame: StudyFrame, samples: Mapping[Place, Samples]) -> Grid | None:
    """Printed, ours, the gap, our interval and the verdict, a line each, for every row that bears a published name.

    None without such a row, or where no data set is the published one.
    """
    footnotes, panels = Footnotes(), []
    for dataset, split in frame.places:
        lines: list[Line] = []
        for row in frame.rows_on(dataset):
            if printed := _namesakes(frame, row, dataset, split):
                ours = reproduction(samples, (dataset, split), row.key)
                for each in printed:
                    lines += _reproduced(frame, row, dataset, each, ours, footnotes)
        if lines:
            panels.append(Panel(plain(dataset), split, tuple(lines)))
    if not panels:
        return None
    columns = (Column("Method"), Column("Numbers"), *(Column(metric, "r") for metric in METRICS))
    notes = (*general([*protocol_notes(frame), VERDICT]), *footnotes.notes())
    caption = "Numbers as printed, ours, ours minus printed, and whether ours reproduce the printed ones."
    return side_grid(frame, "reproduction", "reproduction", columns, panels, notes, caption)


def _reproduced(
    frame: StudyFrame,
    row: StudyRow,
    dataset: str,
    printed: Printed,
    ours: Reproduction,
    footnotes: Footnotes,
) -> list[Line]:
    scores = frame.scores(row.key, dataset, printed.split)
    ends = [ours.intervals.get(metric, (math.nan, math.nan)) for metric in METRICS]
    numbers = {
        "printed": [number(printed.score(metric)) for metric in METRICS],
        "ours": [number(scores[metric].mean, scores[metric].std) for metric in METRICS],
        "gap": [number(scores[metric].mean - printed.score(metric), signed=True) for metric in METRICS],
        "interval from": [number(low) for low, _ in ends],
        "interval to": [number(high) for _, high in ends],
        "reproduced": [_verdict(ours, metric, printed.score(metric)) for metric in METRICS],
    }
    notes = {
        "printed": source_note(printed),
        "ours": row_note(frame, row.key),
        "interval from": ours.covers,
        "reproduced": _departures(frame, row),
    }
    return [
        Line(
            plain(row.key),
            (label_cell(row), TableCell(name, marker=footnotes.marker(notes.get(name, ""))), *cells),
            scores[HEADLINE].n,
            ranked=False,
        )
        for name, cells in numbers.items()
    ]


def _verdict(ours: Reproduction, metric: str, printed: float) -> TableCell:
    return TableCell(NOTHING if math.isnan(printed) else ours.verdict(metric, printed).value)


def _departures(frame: StudyFrame, row: StudyRow) -> str:
    """What a reader must weigh the verdict by; empty where nothing is known to differ."""
    protocol = frame.protocols.get(row.key)
    if protocol is None or not protocol.departures:
        return ""
    return f"Not as published: {'; '.join(protocol.departures)}."


def _namesakes(frame: StudyFrame, row: StudyRow, dataset: str, split: str) -> list[Printed]:
    if not same_set(dataset, split, frame.expressions(dataset, split)):
        return []
    names = {row.key.casefold(), row.label.casefold()}
    methods = [method for method in frame.study.get("published", ()) if method.casefold() in names]
    return printed_of(methods, dataset, split)
