from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bench.config.compose import restore
from bench.storage.model_costs import profile_folder, write_counts
from bench.storage.store import Store
from reports.statistics.expression_types import Type, expression_type
from reports.statistics.frame import read_frame
from reports.statistics.groups import by_length, by_size, by_type
from reports.statistics.samples import read_samples
from reports.tables.cost_table import cost_grid
from reports.tables.part_tables import part_grids
from reports.tables.settings_table import settings_grid

StudyMaker = Callable[..., Store]


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("airplane", Type.plain),
        ("The bridge", Type.plain),
        ("The red vehicle", Type.attribute),
        ("A small gray ship", Type.attribute),
        ("The ship on the left side", Type.position),
        ("The vehicle in the middle", Type.position),
        ("The upper left ship", Type.position),
        ("The ship on the left of the harbor", Type.relation),
        ("The vehicle parked next to the red building", Type.relation),
        ("The dam is smaller than the dam on the right", Type.comparison),
        ("A bridge is a little bigger than the brown bridge", Type.comparison),
    ],
)
def test_types_of_expressions(sentence: str, kind: Type) -> None:
    assert expression_type(sentence) is kind


def test_every_expression_is_in_one_group() -> None:
    facts = pd.DataFrame(
        {
            "share": [0.001, 0.0099, 0.01, 0.099, 0.1, 0.9],
            "sentence": [
                "ship",
                "a b c d e",
                "a b c d e f",
                "red ship",
                " ".join("x" * 10),
                " ".join("x" * 11),
            ],
        }
    )
    for splitter in (by_size, by_type, by_length):
        members = np.stack([group.member for group in splitter(facts)])
        assert (members.sum(axis=0) == 1).all()
    assert [int(group.member.sum()) for group in by_size(facts)] == [2, 2, 2]
    assert [int(group.member.sum()) for group in by_length(facts)] == [3, 2, 1]


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


def test_settings_name_the_rows_that_differ(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    place = store.study("fiam")["rows"][1]["cells"][0]["id"]
    cell = store.cell(place)
    cell.write("cell", {"id": place, "identity": {}, "config": cell.config() | {"recipe": {"size": 48}}})
    grid = settings_grid(store, read_frame(store, "fiam"))
    assert grid is not None
    line = next(line for line in grid.panels[0].lines if line.key == "recipe.size")
    assert [each.text for each in line.cells] == ["recipe.size", "96", "PWAM (LAVT): 48"]
