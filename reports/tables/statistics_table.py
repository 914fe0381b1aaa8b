"""The table of what the test expressions support: intervals, differences, p-values."""

import math

from reports.statistics.evidence import Evidence
from reports.statistics.frame import HEADLINE, StudyFrame, StudyRow
from reports.tables.evidence_notes import (
    evidence_notes,
    few_note,
    interval_note,
    mark_notes,
    too_few,
    verdict_notes,
)
from reports.tables.footnotes import general
from reports.tables.grid import NOTHING, Column, Grid, Line, Panel, TableCell, emphasize, fade, number
from reports.tables.marks import Best, Marks, Stars
from reports.tables.notes import protocol_notes
from reports.tables.side_table import interval_cell, label_cell, side_grid
from reports.text.escape import plain

LEVELS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))
INSIDE = "†"  # the difference is no larger than what seeds alone change


def statistics_grid(frame: StudyFrame, evidence: Evidence, marks: Marks | None = None) -> Grid | None:
    """Intervals of oIoU and mIoU, differences with intervals and p-values; None without samples."""
    if not evidence.statistics:
        return None
    marks = marks or Marks()
    compared = frame.reference is not None and evidence.family > 0
    columns = [Column("Method"), Column("oIoU", "r", ranked=True), Column("95 % interval", "c")]
    columns += [Column("mIoU", "r", ranked=True), Column("95 % interval", "c")]
    if compared:
        columns += [Column(f"Δ {HEADLINE}", "r"), Column("95 % interval", "c"), Column("p (Holm)", "r")]
        columns += [Column("P(better)", "r")]
    panels = []
    for dataset, split in evidence.statistics:
        lines = []
        for row in frame.rows_on(dataset):
            scores = frame.scores(row.key, dataset, split)
            cells = [label_cell(row)]
            for metric in ("oIoU", "mIoU"):
                cells.append(number(scores[metric].mean, scores[metric].std))
                cells.append(interval_cell(evidence.interval(dataset, split, row.key, metric)))
            if compared:
                cells += _compared(frame, evidence, marks, row, dataset, split)
            ranked = evidence.competes(frame, row.key, dataset)
            line = Line(plain(row.key), tuple(cells), scores[HEADLINE].n, ranked=ranked)
            lines.append(fade(line) if too_few(frame, dataset, split) else line)
        standing_out = evidence.stand_out(dataset, split) if marks.best == Best.group else None
        panels.append(Panel(plain(dataset), plain(split), emphasize(lines, columns, standing_out)))
    notes = [*protocol_notes(frame)[:1], *mark_notes(frame, evidence, marks), *few_note(frame)]
    notes += [*evidence_notes(frame, evidence, marks), *verdict_notes(evidence), interval_note(evidence)]
    if compared:
        notes.append("P(better): how often the row beats the reference on an expression; ties count half.")
    caption = "What the test expressions support."
    return side_grid(frame, "statistics", "statistics", columns, panels, general(notes), caption)


def _compared(
    frame: StudyFrame, evidence: Evidence, marks: Marks, row: StudyRow, dataset: str, split: str
) -> list[TableCell]:
    if row == frame.reference:
        return [TableCell("ref.", exact=0.0), *(TableCell("") for _ in range(3))]
    line = evidence.comparison(dataset, split, row.key)
    if line is None:
        return [number(math.nan), TableCell(NOTHING), number(math.nan), number(math.nan)]
    p = line["p_holm"]
    sign = significance(evidence, marks, dataset, split, row.key)
    return [
        number(line["effect"], signed=True, sign=sign),
        interval_cell((line["low"], line["high"]), signed=True),
        TableCell("<0.001" if p < 0.001 else f"{p:.3f}", exact=p),
        number(line["share"]),
    ]


def significance(evidence: Evidence, marks: Marks, dataset: str, split: str, row: str) -> str:
    """Stars of the corrected p-value, and a dagger where seeds alone explain the difference.

    A test over other images alone, which says nothing of other trainings, gets stars only where they were asked for.
    """
    line = evidence.comparison(dataset, split, row)
    if line is None:
        return ""
    speaks = line["over_seeds"] or marks.stars == Stars.images
    stars = next((sign for level, sign in LEVELS if line["p_holm"] < level), "") if speaks else ""
    return stars + (INSIDE if line["inside_seed_spread"] is True else "")
