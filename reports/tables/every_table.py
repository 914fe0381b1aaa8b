"""All tables of a study, in every format."""

from collections.abc import Mapping
from pathlib import Path

from bench.storage import files
from bench.storage.store import Store
from reports.statistics.evidence import Evidence, Place
from reports.statistics.frame import StudyFrame
from reports.statistics.samples import Samples
from reports.tables import formats
from reports.tables.cost_table import cost_grid
from reports.tables.grid import Grid
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
    *,
    rank_printed: bool = False,
) -> dict[str, Grid]:
    """Every table of a study by its path without ending, the main one first."""
    others = [
        statistics_grid(frame, evidence),
        interval_grid(frame, evidence),
        range_grid(frame),
        reproduction_grid(frame, samples),
        *part_grids(frame, samples),
        cost_grid(store, frame),
        settings_grid(store, frame),
    ]
    prefix = f"{plain(frame.study['name'])}-"
    return {"table": study_grid(frame, evidence, rank_printed=rank_printed)} | {
        f"tables/{grid.name.removeprefix(prefix)}": grid for grid in others if grid is not None
    }


def write_grid(grid: Grid, stem: Path) -> list[Path]:
    """Writes a table in every format."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in FORMATS]
    for path, writer in zip(paths, FORMATS.values(), strict=True):
        files.write_text(path, writer(grid))
    return paths
