from collections.abc import Callable

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables.grid import Grid
from reports.tables.settings_table import condensed, settings_grid
from tests.reports.conftest import reconfigure

StudyMaker = Callable[..., Store]


def settings(store: Store) -> Grid:
    grid = settings_grid(store, read_frame(store, "fiam"))
    assert grid is not None
    return grid


def texts(grid: Grid | None) -> list[list[str]]:
    return [[cell.text for cell in line.cells] for line in grid.lines()] if grid else []


def test_settings_name_the_rows_that_differ_those_of_one_value_together(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    for row, size in (("blind", 48), ("pwam", 48), ("object", 64)):
        reconfigure(store, row, recipe={"size": size})
    assert ["recipe.size", "48", "+ object: 64; FIAM: 96"] in texts(settings(store))
    reconfigure(store, "object", recipe={"size": 96})
    assert ["recipe.size", "48", "+ object, FIAM: 96"] in texts(settings(store))


def test_a_paper_shows_what_differs_and_what_all_share_a_line_a_part(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    for row in ("blind", "pwam", "object", "full"):
        reconfigure(store, row, recipe={"epochs": 3, "loss": "ce"}, model={"fusion": row})
    differing, shared = condensed(settings(store))
    assert texts(differing) == [["model.fusion", "blind", "PWAM (LAVT): pwam; + object: object; FIAM: full"]]
    assert shared is not None
    assert shared.name == "fiam-shared"
    (recipe,) = (line for line in texts(shared) if line[0] == "recipe")
    assert recipe[1].startswith("size 96; epochs 3; loss ce; precision ")


def test_where_no_row_differs_a_paper_shows_what_all_share_alone(make_study: StudyMaker) -> None:
    differing, shared = condensed(settings(make_study(seeds=(0,))))
    assert differing is None
    assert texts(shared)
