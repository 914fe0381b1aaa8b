"""All tables of a study, in every format."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.storage import files
from bench.storage.store import Store
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import StudyFrame
from reports.statistics.samples import Samples
from reports.tables import formats
from reports.tables.cost_table import cost_grid
from reports.tables.evidence_notes import trouble_notes
from reports.tables.footnotes import general
from reports.tables.grid import Grid
from reports.tables.marks import Marks
from reports.tables.part_tables import part_grids
from reports.tables.reproduction_table import reproduction_grid
from reports.tables.settings_table import settings_grid
from reports.tables.spread_tables import interval_grid, range_grid
from reports.tables.statistics_table import statistics_grid
from reports.tables.study_table import study_grid
from reports.text.escape import plain

FORMATS = {"tex": formats.latex, "md": formats.markdown, "html": formats.html, "csv": formats.table_csv}


def all_grids(
    store: Store,
    frame: StudyFrame,
    evidence: Evidence,
    samples: Mapping[Place, Samples],
    marks: Marks | None = None,
) -> dict[str, Grid]:
    """Every table of a study by its path without ending, the main one first; those without a number are left out."""
    marks = marks or Marks()
    others = [
        statistics_grid(frame, evidence, marks),
        interval_grid(frame, evidence),
        range_grid(frame),
        reproduction_grid(frame, samples),
        *part_grids(frame, samples, evidence, marks),
        cost_grid(store, frame),
        settings_grid(store, frame),
    ]
    prefix = f"{plain(frame.study['name'])}-"
    troubles = general(trouble_notes(frame, evidence))
    return {"table": study_grid(frame, evidence, marks)} | {
        f"tables/{grid.name.removeprefix(prefix)}": replace(grid, notes=(*grid.notes, *troubles))
        for grid in others
        if grid is not None and any(grid.lines())
    }


def write_grid(grid: Grid, stem: Path) -> list[Path]:
    """Writes a table in every format."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in FORMATS]
    for path, writer in zip(paths, FORMATS.values(), strict=True):
        files.write_text(path, writer(grid))
    return paths
