from collections.abc import Callable

import pytest

from bench.storage.store import Store
from reports.statistics.evidence import Evidence
from reports.statistics.frame import StudyFrame, read_frame
from reports.statistics.published import SIZES, printed_of
from reports.tables import formats
from reports.tables.grid import Emphasis
from reports.tables.reproduction_table import reproduction_grid
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]
ROWS = ({"key": "lavt", "label": "LAVT"}, {"key": "fianet", "label": "FIANet"})


def frame_of(make_study: StudyMaker, **study: object) -> StudyFrame:
    store = make_study(
        seeds=(0,), rows=ROWS, dataset="rrsisd", reference="fianet", expect=[], marks=[], **study
    )
    for cell in store.cells():
        metrics = cell.metrics()
        assert metrics is not None
        counts = {"train": 12181, "val": SIZES["rrsisd"]["val"], "test": SIZES["rrsisd"]["test"] - 2}
        cell.write("metrics", metrics | {"counts": counts})
    return read_frame(store, "fiam")


def test_printed_rows_stand_above_ours_and_never_compete(make_study: StudyMaker) -> None:
    grid = study_grid(frame_of(make_study, published=["RMSIN", "FIANet"]))
    panel = grid.panels[1]
    assert [line.cells[0].text for line in panel.printed] == ["RMSIN", "FIANet"]
    assert all(cell.emphasis == Emphasis.none for line in panel.printed for cell in line.cells)
    assert panel.lines[1].cells[-2].emphasis == Emphasis.best  # 35.1 of ours, below 64.2 as printed
    notes = {note.marker: note.text for note in grid.notes}
    assert "RS2-SAM2" in notes[panel.printed[0].cells[0].marker]
    assert "test-selected" in notes[panel.printed[1].cells[0].marker]
    latex = formats.latex(grid)
    assert latex.index("RMSIN") < latex.index(r"\cmidrule") < latex.index("LAVT")


def test_printed_rows_compete_when_asked(make_study: StudyMaker) -> None:
    grid = study_grid(frame_of(make_study, published=["RMSIN"]), Evidence(), rank_printed=True)
    assert grid.panels[1].printed[0].cells[-2].emphasis == Emphasis.best


def test_printed_rows_are_not_put_beside_another_data_set_of_the_same_name(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,), dataset="rrsisd", published=["RMSIN"])  # 300 test expressions
    grid = study_grid(read_frame(store, "fiam"))
    assert not any(panel.printed for panel in grid.panels)
    assert any("not the published data set" in note.text for note in grid.notes)


def test_reproduction_shows_every_printed_line_and_the_gap(make_study: StudyMaker) -> None:
    frame = frame_of(make_study, published=["LAVT", "RMSIN"])
    grid = reproduction_grid(frame)
    assert grid is not None
    assert [line.cells[1].text for line in grid.panels[1].lines] == ["printed", "ours", "gap"]  # no row RMSIN
    printed, ours, gap = (line.cells[-1].exact for line in grid.panels[1].lines)
    assert gap is not None
    assert printed == printed_of(["LAVT"], "rrsisd", "test")[0].scores["mIoU"]
    assert ours == frame.scores("lavt", "rrsisd", "test")["mIoU"].mean
    assert gap == pytest.approx(ours - printed)
