from collections.abc import Callable

import pytest

from bench.config.compose import configuration, plain
from bench.storage.store import Store
from reports.statistics.evidence import Evidence
from reports.statistics.frame import METRICS, StudyFrame, read_frame
from reports.statistics.published import SIZES, Printed, printed_of
from reports.statistics.samples import read_samples
from reports.tables import formats, reproduction_table
from reports.tables.grid import Emphasis, Grid, TableCell
from reports.tables.marks import Best, Marks
from reports.tables.reproduction_table import reproduction_grid
from reports.tables.study_table import study_grid
from tests.reports.conftest import reconfigure

StudyMaker = Callable[..., Store]
ROWS = ({"key": "lavt", "label": "LAVT"}, {"key": "fianet", "label": "FIANet"})


def store_of(make_study: StudyMaker, seeds: tuple[int, ...] = (0,), **study: object) -> Store:
    """The published set by its size; 30 expressions of it are stored."""
    store = make_study(
        seeds=seeds, rows=ROWS, dataset="rrsisd", reference="fianet", expect=[], marks=[], **study
    )
    for cell in store.cells():
        metrics = cell.metrics()
        assert metrics is not None
        counts = {"train": 12181, "val": SIZES["rrsisd"]["val"], "test": SIZES["rrsisd"]["test"] - 2}
        cell.write("metrics", metrics | {"counts": counts})
    return store


def frame_of(make_study: StudyMaker, **study: object) -> StudyFrame:
    return read_frame(store_of(make_study, **study), "fiam")  # type: ignore[arg-type]


def reproduced(store: Store) -> tuple[Grid, dict[str, tuple[TableCell, ...]]]:
    """The table, and its lines on test by what they hold."""
    frame = read_frame(store, "fiam")
    samples = {("rrsisd", split): found for split, found in read_samples(store, frame, "rrsisd").items()}
    grid = reproduction_grid(frame, samples)
    assert grid is not None
    return grid, {line.cells[1].text: line.cells for line in grid.panels[0].lines}


def noted(grid: Grid, cell: TableCell) -> str:
    return " ".join(note.text for note in grid.notes if note.marker and note.marker in cell.marker.split(","))


def test_printed_rows_stand_above_ours_and_never_compete(make_study: StudyMaker) -> None:
    frame = frame_of(make_study, published=["RMSIN", "FIANet"])
    grid = study_grid(frame, marks=Marks(Best.maximum))
    panel = grid.panels[0]
    assert [line.cells[0].text for line in panel.printed] == ["RMSIN", "FIANet"]
    assert all(cell.emphasis == Emphasis.none for line in panel.printed for cell in line.cells)
    assert panel.lines[1].cells[-2].emphasis == Emphasis.best  # 35.1 of ours, below 64.2 as printed
    notes = {note.marker: note.text for note in grid.notes}
    assert "RS2-SAM2" in notes[panel.printed[0].cells[0].marker]
    assert "test-selected" in notes[panel.printed[1].cells[0].marker]
    latex = formats.latex(grid)
    assert latex.index("RMSIN") < latex.index(r"\cmidrule") < latex.index("LAVT")


def test_printed_rows_compete_when_asked(make_study: StudyMaker) -> None:
    grid = study_grid(
        frame_of(make_study, published=["RMSIN"]), Evidence(), Marks(Best.maximum, rank_printed=True)
    )
    assert grid.panels[0].printed[0].cells[-2].emphasis == Emphasis.best


def test_printed_rows_are_not_put_beside_another_data_set_of_the_same_name(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,), dataset="rrsisd", published=["RMSIN"])  # 300 test expressions
    grid = study_grid(read_frame(store, "fiam"))
    assert not any(panel.printed for panel in grid.panels)
    assert any("not the published data set" in note.text for note in grid.notes)


def test_reproduction_shows_every_printed_line_the_gap_and_the_verdict(make_study: StudyMaker) -> None:
    store = store_of(make_study, published=["LAVT", "RMSIN"])
    grid, lines = reproduced(store)
    assert [line.cells[1].text for line in grid.panels[0].lines] == [  # no row RMSIN
        "printed",
        "ours",
        "gap",
        "interval from",
        "interval to",
        "reproduced",
    ]
    printed, ours, gap = (lines[name][-1].exact for name in ("printed", "ours", "gap"))
    assert gap is not None
    assert printed == printed_of(["LAVT"], "rrsisd", "test")[0].scores["mIoU"]
    assert ours == read_frame(store, "fiam").scores("lavt", "rrsisd", "test")["mIoU"].mean
    assert gap == pytest.approx(ours - printed)


def test_a_printed_number_inside_our_interval_is_reproduced_and_one_outside_is_not(
    make_study: StudyMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, lines = reproduced(store_of(make_study, (0, 1, 2), published=["LAVT"]))
    lows, highs = lines["interval from"][2:], lines["interval to"][2:]
    verdicts = [cell.text for cell in lines["reproduced"][2:]]
    for metric, low, high, verdict in zip(METRICS, lows, highs, verdicts, strict=True):
        inside = low.exact <= printed_of(["LAVT"], "rrsisd", "test")[0].scores[metric] <= high.exact
        assert verdict == ("yes" if inside else "no")
    assert {"yes", "no"} >= set(verdicts)
    assert "over 3 seeds and 10 images together" in noted(grid, lines["interval from"][1])
    middle = Printed("LAVT", "rrsisd", "test", {"mIoU": (lows[-1].exact + highs[-1].exact) / 2}, "x")
    outside = Printed("LAVT", "rrsisd", "test", {"mIoU": highs[-1].exact + 0.01}, "x")
    for one, said in ((middle, "yes"), (outside, "no")):
        monkeypatch.setattr(reproduction_table, "printed_of", lambda *_, one=one: [one])
        _, lines = reproduced(store_of(make_study, (0, 1, 2), published=["LAVT"]))
        assert [cell.text for cell in lines["reproduced"][-2:]] == ["–", said]  # no oIoU was printed


def test_one_seed_concludes_nothing_and_says_what_its_interval_covers(make_study: StudyMaker) -> None:
    grid, lines = reproduced(store_of(make_study, published=["LAVT"]))
    assert {cell.text for cell in lines["reproduced"][2:]} == {"unknown"}
    assert lines["interval from"][-1].exact < lines["interval to"][-1].exact
    assert "one seed: other seeds are not covered" in noted(grid, lines["interval from"][1])


def test_a_split_without_stored_expressions_concludes_nothing(make_study: StudyMaker) -> None:
    grid, lines = reproduced(store_of(make_study, (0, 1), published=["LAVT"], splits=["val"]))
    assert {cell.text for cell in lines["reproduced"][2:]} == {"unknown"}
    assert "no expressions of this split are stored" in noted(grid, lines["interval from"][1])


def test_what_differs_from_the_published_protocol_stands_beside_the_verdict(make_study: StudyMaker) -> None:
    store = store_of(make_study, (0, 1), published=["LAVT", "FIANet"])
    for model, protocol in (("lavt", "published"), ("fianet", "val")):
        config = plain(configuration([f"model={model}", f"protocol={protocol}"]))
        reconfigure(store, model, model=config["model"], protocol=config["protocol"])
    grid, _ = reproduced(store)
    lines = {(line.key, line.cells[1].text): line.cells[1] for line in grid.panels[0].lines}
    assert noted(grid, lines["fianet", "reproduced"]) == (
        "Not as published: epoch chosen on val by mIoU, not chosen on test by oIoU; object and position words by "
        "decoupler=rules, not nltk; input 96 px, not 480; encoder and text from random weights, not pretrained."
    )
    lavt = noted(grid, lines["lavt", "reproduced"])
    assert "input 96 px, not 480" in lavt
    assert "epoch" not in lavt
    assert "as the released code did" in noted(grid, lines["lavt", "ours"])


def test_another_data_set_under_a_published_name_is_never_compared(make_study: StudyMaker) -> None:
    store = make_study(
        rows=ROWS, reference="fianet", dataset="rrsisd", expect=[], marks=[], published=["LAVT"]
    )
    frame = read_frame(store, "fiam")  # 300 test expressions
    samples = {("rrsisd", split): found for split, found in read_samples(store, frame, "rrsisd").items()}
    assert reproduction_grid(frame, samples) is None
