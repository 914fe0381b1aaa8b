"""Tables of how sure every number of the main table is: over other images, and over the seeds."""

from reports.statistics.evidence import Evidence
from reports.statistics.frame import METRICS, StudyFrame, StudyRow
from reports.tables.evidence_notes import interval_note
from reports.tables.footnotes import general
from reports.tables.grid import Column, Grid, Line, Panel, TableCell, number
from reports.tables.side_table import interval_cell, label_cell, side_grid
from reports.text.escape import plain

COLUMNS = (Column("Method"), *(Column(metric, "c") for metric in METRICS))


def interval_grid(frame: StudyFrame, evidence: Evidence) -> Grid | None:
    """95 % intervals of every metric, a panel per data set and split that was resampled; None without any."""
    panels = []
    for dataset, split in evidence.statistics:
        lines = [
            _line(
                frame,
                row,
                (dataset, split),
                [interval_cell(evidence.interval(dataset, split, row.key, metric)) for metric in METRICS],
            )
            for row in frame.rows_on(dataset)
        ]
        panels.append(Panel(plain(dataset), plain(split), tuple(lines)))
    notes = general([interval_note(evidence)])
    return side_grid(frame, "intervals", "intervals", COLUMNS, panels, notes) if panels else None


def range_grid(frame: StudyFrame) -> Grid | None:
    """The smallest and the largest score of any seed; None with one seed."""
    if len(frame.seeds) < 2:
        return None
    ends = frame.results.groupby(["row", "dataset", "split"])[list(METRICS)].agg(["min", "max"])
    known = {place: ends.loc[place] for place in ends.index}
    panels = []
    for dataset, split in frame.places:
        lines = []
        for row in frame.rows_on(dataset):
            found = known[row.key, dataset, split]
            one = frame.scores(row.key, dataset, split)[METRICS[0]].n < 2
            pairs = [(number(found[metric, "min"]), number(found[metric, "max"])) for metric in METRICS]
            cells = [TableCell(low.text if one else f"{low.text}–{high.text}") for low, high in pairs]
            lines.append(_line(frame, row, (dataset, split), cells))
        panels.append(Panel(plain(dataset), plain(split), tuple(lines)))
    seeds = ", ".join(map(str, frame.seeds))
    notes = general([f"The lowest and the highest score of any seed ({seeds})."])
    return side_grid(frame, "ranges", "range over seeds", COLUMNS, panels, notes) if panels else None


def _line(frame: StudyFrame, row: StudyRow, place: tuple[str, str], cells: list[TableCell]) -> Line:
    count = frame.scores(row.key, *place)[METRICS[0]].n
    return Line(plain(row.key), (label_cell(row), *cells), count, ranked=False)
