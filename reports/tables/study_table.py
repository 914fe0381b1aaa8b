"""The main table: a study's scores, and the numbers of papers above them."""

import math

from reports.statistics.evidence import Evidence
from reports.statistics.frame import HEADLINE, METRICS, StudyFrame, StudyRow
from reports.statistics.published import Printed, printed_of, same_set
from reports.tables.evidence_notes import (
    evidence_notes,
    few_note,
    mark_notes,
    too_few,
    trouble_note,
    verdict_notes,
)
from reports.tables.footnotes import Footnotes, general
from reports.tables.grid import Column, Grid, Line, Panel, TableCell, emphasize, fade, mark, number
from reports.tables.marks import Best, Marks
from reports.tables.notes import (
    missing_notes,
    protocol_notes,
    row_note,
    source_note,
    start_note,
    subset_note,
    unlike_notes,
    unscored_note,
)
from reports.tables.side_table import label_cell, sources
from reports.tables.statistics_table import significance
from reports.text.escape import plain


def study_grid(frame: StudyFrame, evidence: Evidence | None = None, marks: Marks | None = None) -> Grid:
    """The study's table: a panel per data set and split; label, marks, metrics, difference to the reference.

    Lines without scores stay, with dashes and a footnote that says why.

    Args:
        frame: The study's numbers.
        evidence: What the samples support; None: nothing was tested.
        marks: What stands out.
    """
    evidence, marks = evidence or Evidence(), marks or Marks()
    missing, footnotes, columns = missing_notes(frame), Footnotes(), _columns(frame)
    panels = []
    for dataset, split in frame.places:
        lines = []
        for row in frame.rows_on(dataset):
            reason = missing.get((row.key, dataset), "") or unscored_note(frame, row.key, dataset, split)
            notes = (
                row_note(frame, row.key),
                start_note(frame, row.key),
                subset_note(frame, row.key, dataset),
                trouble_note(evidence, row.key, dataset),
            )
            marker = footnotes.marker(reason, *notes)
            line = _line(frame, evidence, marks, row, dataset, split, reason, marker)
            lines.append(fade(line) if too_few(frame, dataset, split) else line)
        printed = [
            _printed_line(frame, each, footnotes, marks.rank_printed)
            for each in shown_printed(frame, dataset, split)
        ]
        standing_out = evidence.stand_out(dataset, split) if marks.best == Best.group else None
        ranked = emphasize([*printed, *lines], columns, standing_out)
        cut = len(printed)
        panels.append(Panel(plain(dataset), plain(split), ranked[cut:], ranked[:cut]))
    return Grid(
        name=plain(frame.study["name"]),
        title=plain(frame.study.get("title") or frame.study["name"]).rstrip("."),
        caption=plain(frame.study.get("caption") or ""),
        columns=columns,
        panels=tuple(panels),
        notes=(
            *general(protocol_notes(frame)),
            *general(mark_notes(frame, evidence, marks)),
            *general(few_note(frame)),
            *general(evidence_notes(frame, evidence, marks)),
            *general(verdict_notes(evidence)),
            *general(unlike_notes(frame)),
            *footnotes.notes(),
        ),
        sources=sources(frame),
        command=plain(frame.study.get("command") or ""),
    )


def _columns(frame: StudyFrame) -> tuple[Column, ...]:
    return (
        Column("Method"),
        *(Column(plain(name), "c") for name in _check_marks(frame)),
        *(Column(metric, "r", ranked=True) for metric in METRICS),
        *([Column(f"Δ {HEADLINE}", "r")] if frame.reference else []),
    )


def _check_marks(frame: StudyFrame) -> list[str]:
    """The study's marks that some row bears."""
    return [name for name in frame.study.get("marks", ()) if any(name in row.marks for row in frame.rows)]


def _line(
    frame: StudyFrame,
    evidence: Evidence,
    marks: Marks,
    row: StudyRow,
    dataset: str,
    split: str,
    missing: str,
    marker: str,
) -> Line:
    scores = frame.scores(row.key, dataset, split)
    headline = scores[HEADLINE]
    cells = [
        label_cell(row, marker),
        *(mark(name in row.marks) for name in _check_marks(frame)),
        *(number(score.mean, score.std) for score in scores.values()),
    ]
    if frame.reference == row:
        cells.append(TableCell("ref.", exact=0.0))
    elif frame.reference and not _comparable(frame, evidence, row, dataset):
        cells.append(number(math.nan))
    elif frame.reference:
        sign = significance(evidence, marks, dataset, split, row.key)
        cells.append(number(headline.gain, headline.gain_std, signed=True, sign=sign))
    ranked = evidence.competes(frame, row.key, dataset)
    return Line(plain(row.key), tuple(cells), headline.n, plain(missing), ranked)


def _comparable(frame: StudyFrame, evidence: Evidence, row: StudyRow, dataset: str) -> bool:
    """Whether a row's difference to the reference says anything: same masks, and neither collapsed."""
    pair = [row.key, *([frame.reference.key] if frame.reference else [])]
    return frame.same_masks(row.key) and not any(evidence.collapsed(each, dataset) for each in pair)


def shown_printed(frame: StudyFrame, dataset: str, split: str) -> list[Printed]:
    """The printed line of every method the study names (the first on file), if the data set is the published one."""
    printed: dict[str, Printed] = {}
    if same_set(dataset, split, frame.expressions(dataset, split)):
        for each in printed_of(frame.study.get("published", ()), dataset, split):
            printed.setdefault(each.method, each)
    return list(printed.values())


def _printed_line(frame: StudyFrame, printed: Printed, footnotes: Footnotes, ranked: bool) -> Line:
    cells = [
        TableCell(plain(printed.method), marker=footnotes.marker(source_note(printed))),
        *(TableCell("") for _ in _check_marks(frame)),
        *(number(printed.score(metric)) for metric in METRICS),
        *([TableCell("")] if frame.reference else []),
    ]
    return Line(f"published: {plain(printed.method)}", tuple(cells), ranked=ranked)
