from collections.abc import Callable

import numpy as np
import pytest

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.statistics.samples import read_samples
from reports.tables.part_tables import part_grids

StudyMaker = Callable[..., Store]


def test_parts_add_up_to_the_whole(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0, 1))
    frame = read_frame(store, "fiam")
    samples = {("synthetic", split): s for split, s in read_samples(store, frame, "synthetic").items()}
    grids = {grid.name: grid for grid in part_grids(frame, samples)}
    assert set(grids) == {"fiam-category", "fiam-sizes", "fiam-types", "fiam-lengths"}
    cells = [store.cell(cell).samples() for cell in frame.cell_ids("synthetic", "pwam").values()]
    whole = np.mean([100 * table["iou"].mean() for table in cells if table is not None])
    lines = grids["fiam-category"].panels[0].lines
    counts = [line.cells[1].exact for line in lines]
    means = [line.cells[3].exact for line in lines]
    assert np.average(means, weights=counts) == pytest.approx(whole)  # type: ignore[arg-type]
