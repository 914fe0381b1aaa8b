from collections.abc import Callable

import pytest

from bench.config.compose import restore
from bench.storage.model_costs import profile_folder, write_counts
from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables.cost_table import cost_grid

StudyMaker = Callable[..., Store]


def test_costs_show_what_is_known_and_how_to_measure_the_rest(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    grid = cost_grid(store, read_frame(store, "fiam"))
    assert grid is not None
    assert [column.head for column in grid.columns][1:3] == ["Params (M)", "trained (M)"]
    assert any("bench.profile" in note.text for note in grid.notes)


@pytest.mark.parametrize(("macs", "said"), [(199e9, "PWAM (LAVT) 200.00 M, 199.0 GMACs"), (200e9, None)])
def test_costs_name_the_rows_that_papers_count_otherwise(
    make_study: StudyMaker, macs: float, said: str | None
) -> None:
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    (cell,) = frame.cell_ids("synthetic", "pwam").values()
    counts = {"parameters": 2e8, "macs": 200e9, "published": {"parameters": 2e8, "macs": macs}}
    write_counts(profile_folder(store, restore(store.cell(cell).config() or {})), counts)
    grid = cost_grid(store, frame)
    assert grid is not None
    notes = [note.text for note in grid.notes if note.text.startswith("As papers count")]
    assert [said in note for note in notes] == [True] if said else not notes
