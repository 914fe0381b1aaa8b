"""Tables of parts of the test split: by category, object size, kind and length of the expression."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from reports.statistics.evidence import Place
from reports.statistics.frame import StudyFrame, StudyRow
from reports.statistics.groups import Group, by_category, by_length, by_size, by_type, seed_ious
from reports.statistics.samples import Samples
from reports.tables.footnotes import general
from reports.tables.grid import (
    Column,
    Grid,
    Line,
    Panel,
    TableCell,
    count,
    emphasize,
    emphasize_across,
    number,
)
from reports.tables.side_table import side_grid
from reports.text.escape import plain

ROWS_ACROSS = 7  # columns of rows that fit a page; more go into further tables


def group_cell(samples: Samples, row: str, group: Group) -> TableCell:
    """Mean IoU of a group, with its spread over seeds; a dash where it is empty or the row has no samples."""
    if row not in samples.scored.rows or not group.member.any():
        return number(np.nan)
    means = seed_ious(samples, row)[:, group.member].mean(axis=1)
    return number(float(means.mean()), float(means.std(ddof=1)) if len(means) > 1 else np.nan)


def parts_grid(
    frame: StudyFrame,
    samples: Mapping[Place, Samples],
    name: str,
    title: str,
    splitters: Sequence[Callable[[pd.DataFrame], list[Group]]],
) -> Grid | None:
    """A line per row and a column per group, the number of expressions above; None without samples.

    Args:
        frame: The study.
        samples: By data set and split; `test` is shown.
        name: What the table is called in the store.
        title: What readers see.
        splitters: From facts to groups, in the order of the columns.
    """
    panels, columns = [], [Column("Method")]
    for dataset in frame.datasets:
        found = samples.get((dataset, "test"))
        if found is None:
            continue
        groups = [group for splitter in splitters for group in splitter(found.facts)]
        columns = [Column("Method"), *(Column(group.name, "r", ranked=True) for group in groups)]
        head = Line(
            "expressions",
            (TableCell("Expressions"), *(count(int(g.member.sum())) for g in groups)),
            ranked=False,
        )
        lines = [
            Line(
                plain(row.key),
                (TableCell(row.label), *(group_cell(found, row.key, group) for group in groups)),
                len(found.scored.unions.get(row.key, ())),
                ranked=row.key not in frame.deviations,
            )
            for row in frame.rows_on(dataset)
        ]
        panels.append(Panel(plain(dataset), "test", emphasize([head, *lines], columns)))
    if not panels:
        return None
    return _grid(frame, name, title, columns, panels)


def category_grids(frame: StudyFrame, samples: Mapping[Place, Samples]) -> list[Grid]:
    """A line per category and a column per row of the study; further tables where a page has no room for all."""
    chunks = [frame.rows[start : start + ROWS_ACROSS] for start in range(0, len(frame.rows), ROWS_ACROSS)]
    grids = []
    for place, rows in enumerate(chunks):
        panels = [
            Panel(plain(dataset), "test", _category_lines(found, rows))
            for dataset in frame.datasets
            if (found := samples.get((dataset, "test"))) is not None
        ]
        columns = [Column("Category"), Column("n", "r"), *(Column(row.label, "r") for row in rows)]
        part = f" ({place + 1} of {len(chunks)})" if len(chunks) > 1 else ""
        suffix = f"-{place + 1}" if place else ""
        if panels:
            grids.append(_grid(frame, f"category{suffix}", f"by category{part}", columns, panels))
    return grids


def _category_lines(samples: Samples, rows: Sequence[StudyRow]) -> tuple[Line, ...]:
    return tuple(
        emphasize_across(
            Line(
                group.name,
                (
                    TableCell(group.name),
                    count(int(group.member.sum())),
                    *(group_cell(samples, row.key, group) for row in rows),
                ),
            ),
            first=2,
        )
        for group in by_category(samples.facts)
    )


def _grid(
    frame: StudyFrame, name: str, title: str, columns: Sequence[Column], panels: Sequence[Panel]
) -> Grid:
    spread = f", mean ± standard deviation over {len(frame.seeds)} seeds" if len(frame.seeds) > 1 else ""
    notes = general([f"Mean IoU in percent{spread}. A dash: no expressions or no result."])
    caption = "Mean IoU of the test expressions of each part (%)."
    return side_grid(frame, name, title, columns, panels, notes, caption)


def part_grids(frame: StudyFrame, samples: Mapping[Place, Samples]) -> list[Grid]:
    """All tables of parts that the samples allow."""
    made = [
        *category_grids(frame, samples),
        parts_grid(frame, samples, "sizes", "by object size", [by_size]),
        parts_grid(frame, samples, "types", "by kind of expression", [by_type]),
        parts_grid(frame, samples, "lengths", "by length of expression", [by_length]),
    ]
    return [grid for grid in made if grid is not None]
