"""The main table: a study's scores, and the numbers of papers above them."""

import math

from reports.statistics.evidence import Evidence
from reports.statistics.frame import HEADLINE, METRICS, StudyFrame, StudyRow
from reports.statistics.published import Printed, printed_of, same_set
from reports.tables.footnotes import Footnotes, general
from reports.tables.grid import Column, Grid, Line, Panel, TableCell, emphasize, mark, number
from reports.tables.notes import (
    evidence_notes,
    missing_notes,
    protocol_notes,
    row_note,
    source_note,
    start_note,
    subset_note,
    unlike_notes,
    unscored_note,
    verdict_notes,
)
from reports.tables.side_table import sources
from reports.tables.statistics_table import significance
from reports.text.escape import plain


def study_grid(frame: StudyFrame, evidence: Evidence | None = None, *, rank_printed: bool = False) -> Grid:
    """The study's table: a panel per data set and split; label, marks, metrics, difference to the reference.

    Lines without scores stay, with dashes and a footnote that says why.

    Args:
        frame: The study's numbers.
        evidence: What the samples support; None: no marks of significance.
        rank_printed: Whether numbers of papers compete for best and second.
    """
    evidence = evidence or Evidence()
    missing, footnotes, columns = missing_notes(frame), Footnotes(), _columns(frame)
    panels = []
    for dataset in frame.datasets:
        for split in frame.splits_on(dataset):
            lines = []
            for row in frame.rows_on(dataset):
                reason = missing.get((row.key, dataset), "") or unscored_note(frame, row.key, dataset, split)
                notes = (
                    row_note(frame, row.key),
                    start_note(frame, row.key),
                    subset_note(frame, row.key, dataset),
                )
                marker = footnotes.marker(reason, *notes)
                lines.append(_line(frame, evidence, row, dataset, split, reason, marker))
            printed = [
                _printed_line(frame, each, footnotes, rank_printed)
                for each in shown_printed(frame, dataset, split)
            ]
            ranked = emphasize([*printed, *lines], columns)
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
            *general(evidence_notes(frame, evidence)),
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
        *(Column(plain(name), "c") for name in frame.study.get("marks", ())),
        *(Column(metric, "r", ranked=True) for metric in METRICS),
        *([Column(f"Δ {HEADLINE}", "r")] if frame.reference else []),
    )


def _line(
    frame: StudyFrame, evidence: Evidence, row: StudyRow, dataset: str, split: str, missing: str, marker: str
) -> Line:
    scores = frame.scores(row.key, dataset, split)
    headline = scores[HEADLINE]
    cells = [
        TableCell(row.label, marker=marker),
        *(mark(name in row.marks) for name in frame.study.get("marks", ())),
        *(number(score.mean, score.std) for score in scores.values()),
    ]
    if frame.reference == row:
        cells.append(TableCell("ref.", exact=0.0))
    elif frame.reference and not frame.same_masks(row.key):
        cells.append(number(math.nan))
    elif frame.reference:
        sign = significance(evidence, dataset, split, row.key)
        cells.append(number(headline.gain, headline.gain_std, signed=True, sign=sign))
    ranked = row.key not in frame.deviations
    return Line(plain(row.key), tuple(cells), headline.n, plain(missing), ranked)


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
        *(TableCell("") for _ in frame.study.get("marks", ())),
        *(number(printed.score(metric)) for metric in METRICS),
        *([TableCell("")] if frame.reference else []),
    ]
    return Line(f"published: {plain(printed.method)}", tuple(cells), ranked=ranked)
