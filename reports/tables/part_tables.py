"""Tables of parts of the test split: by category, object size, kind and length of the expression."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import HEADLINE, StudyFrame, StudyRow
from reports.statistics.groups import Group, by_category, by_length, by_size, by_type, seed_ious
from reports.statistics.samples import Samples
from reports.statistics.two_way import SEEDS, leading
from reports.tables.evidence_notes import FEW, FEW_SAID, mark_said
from reports.tables.footnotes import general
from reports.tables.grid import (
    Column,
    Emphasis,
    Grid,
    Line,
    Panel,
    TableCell,
    count,
    emphasize,
    emphasize_across,
    number,
)
from reports.tables.marks import Best, Marks
from reports.tables.side_table import label_cell, side_grid
from reports.text.escape import plain

ROWS_ACROSS = 7  # columns of rows that fit a page; more go into further tables


class _Part:
    """The test split of one data set, cut into groups: what stands in a row's place of a group, and which stand out."""

    def __init__(
        self, frame: StudyFrame, samples: Samples, dataset: str, evidence: Evidence, marks: Marks
    ) -> None:
        self.samples = samples
        self.ranked = [row for row in samples.scored.rows if evidence.competes(frame, row, dataset)]
        self._tested = marks.best == Best.group
        self._ious = {row: seed_ious(samples, row) for row in samples.scored.rows}

    def seeds(self, row: str) -> int:
        """Seeds of a row that have samples."""
        return len(self._ious.get(row, ()))

    def cell(self, row: str, group: Group) -> TableCell:
        """Mean IoU with its spread over seeds; a dash where the group is empty or the row has no samples."""
        size = int(group.member.sum())
        if row not in self._ious or not size:
            return number(np.nan)
        means = self._ious[row][:, group.member].mean(axis=1)
        cell = number(float(means.mean()), float(means.std(ddof=1)) if len(means) > 1 else np.nan)
        return replace(cell, faint=size < FEW)

    def stand_out(self, group: Group) -> tuple[str, ...] | None:
        """The rows to mark; None where the highest number is marked whatever a test says."""
        if not self._tested:
            return None
        if group.member.sum() < FEW or any(self.seeds(row) < SEEDS for row in self.ranked):
            return ()
        found = leading(self.samples.scored, self.ranked, (HEADLINE,), group.member)
        return tuple(map(plain, found[HEADLINE].stand_out)) if found else ()


def parts_grid(
    frame: StudyFrame,
    parts: Mapping[str, _Part],
    name: str,
    title: str,
    splitter: Callable[[pd.DataFrame], list[Group]],
    marks: Marks,
) -> Grid | None:
    """A line per row and a column per group, the number of expressions above; None without samples.

    Args:
        frame: The study.
        parts: By data set.
        name: What the table is called in the store.
        title: What readers see.
        splitter: From facts to groups, in the order of the columns; the same groups for every data set.
        marks: What stands out.
    """
    panels, columns = [], [Column("Method")]
    for dataset, part in parts.items():
        groups = splitter(part.samples.facts)
        columns = [Column("Method"), *(Column(group.name, "r", ranked=True) for group in groups)]
        sizes = (int(group.member.sum()) for group in groups)
        head = Line(
            "expressions",
            (TableCell("Expressions"), *(count(size or np.nan) for size in sizes)),
            ranked=False,
        )
        lines = [
            Line(
                plain(row.key),
                (label_cell(row), *(part.cell(row.key, group) for group in groups)),
                part.seeds(row.key),
                ranked=row.key in part.ranked,
            )
            for row in frame.rows_on(dataset)
        ]
        best = {group.name: rows for group in groups if (rows := part.stand_out(group)) is not None}
        marked = emphasize([head, *lines], columns, best if marks.best == Best.group else None)
        panels.append(Panel(plain(dataset), "test", marked))
    return _grid(frame, name, title, columns, panels, marks) if panels else None


def category_grids(frame: StudyFrame, parts: Mapping[str, _Part], marks: Marks) -> list[Grid]:
    """A line per category and a column per row of the study; further tables where a page has no room for all."""
    chunks = [frame.rows[start : start + ROWS_ACROSS] for start in range(0, len(frame.rows), ROWS_ACROSS)]
    grids = []
    for place, rows in enumerate(chunks):
        panels = [
            Panel(plain(dataset), "test", _category_lines(part, rows)) for dataset, part in parts.items()
        ]
        columns = [Column("Category"), Column("n", "r"), *(Column(row.label, "r") for row in rows)]
        part = f" ({place + 1} of {len(chunks)})" if len(chunks) > 1 else ""
        suffix = f"-{place + 1}" if place else ""
        if panels:
            grids.append(_grid(frame, f"category{suffix}", f"by category{part}", columns, panels, marks))
    return grids


def _category_lines(part: _Part, rows: Sequence[StudyRow]) -> tuple[Line, ...]:
    lines = []
    for group in by_category(part.samples.facts):
        cells = [part.cell(row.key, group) for row in rows]
        line = Line(group.name, (TableCell(group.name), count(int(group.member.sum())), *cells))
        keys = [plain(row.key) for row in rows]
        lines.append(emphasize_across(line, keys, part.stand_out(group), [plain(key) for key in part.ranked]))
    return tuple(lines)


def _grid(
    frame: StudyFrame,
    name: str,
    title: str,
    columns: Sequence[Column],
    panels: Sequence[Panel],
    marks: Marks,
) -> Grid:
    spread = f", mean ± standard deviation over {len(frame.seeds)} seeds" if len(frame.seeds) > 1 else ""
    said = [f"Mean IoU in percent{spread}. A dash: no expressions or no result."]
    cells = [cell for panel in panels for line in panel.lines for cell in line.cells]
    along = "column" if any(column.ranked for column in columns) else "line"
    said += mark_said(marks, any(cell.emphasis != Emphasis.none for cell in cells), along)
    said += [FEW_SAID] if any(cell.faint for cell in cells) else []
    caption = "Mean IoU of the test expressions of each part (%)."
    return side_grid(frame, name, title, columns, panels, general(said), caption)


def part_grids(
    frame: StudyFrame,
    samples: Mapping[Place, Samples],
    evidence: Evidence | None = None,
    marks: Marks | None = None,
) -> list[Grid]:
    """All tables of parts of the test split that the samples allow."""
    marks = marks or Marks()
    parts = {
        dataset: _Part(frame, found, dataset, evidence or Evidence(), marks)
        for dataset in frame.datasets
        if (found := samples.get((dataset, "test"))) is not None
    }
    made = [
        *category_grids(frame, parts, marks),
        parts_grid(frame, parts, "sizes", "by object size", by_size, marks),
        parts_grid(frame, parts, "types", "by kind of expression", by_type, marks),
        parts_grid(frame, parts, "lengths", "by length of expression", by_length, marks),
    ]
    return [grid for grid in made if grid is not None]
