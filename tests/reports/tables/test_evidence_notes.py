"""What tables and sentences claim: stars, bold numbers, the highest row, expectations."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage.store import Store
from reports import Best, Marks, Stars, write_report
from reports.page.report import Report
from reports.statistics.evidence import Evidence, Verdict, weigh
from reports.tables.every_table import all_grids
from reports.tables.evidence_notes import leaders, verdict_notes
from reports.tables.grid import NOTHING, Emphasis, Grid
from reports.tables.study_table import study_grid
from tests.reports.statistics.test_collapse import EMPTY, answers_with, troubles_of

StudyMaker = Callable[..., Store]
TEST, VAL = 0, 1  # places of the panels


def table(store: Store, marks: Marks | None = None) -> Grid:
    frame, samples, troubles = troubles_of(store)
    return study_grid(frame, weigh(frame, samples, troubles), marks)


def bold(grid: Grid, head: str = "mIoU") -> list[str]:
    place = [column.head for column in grid.columns].index(head)
    return [line.key for line in grid.panels[TEST].lines if line.cells[place].emphasis == Emphasis.best]


def signs(grid: Grid) -> set[str]:
    return {cell.sign.strip("†") for line in grid.lines() for cell in line.cells} - {""}


def said(grid: Grid) -> str:
    return "\n".join(note.text for note in grid.notes)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_fewer_than_three_seeds_have_no_stars_and_nothing_bold(
    make_study: StudyMaker, seeds: tuple[int, ...]
) -> None:
    grid = table(make_study(seeds=seeds))
    assert not signs(grid)
    assert not any(cell.emphasis != Emphasis.none for line in grid.lines() for cell in line.cells)
    assert "Nothing is bold: fewer than 3 seeds do not say which row is best" in said(grid)
    assert "of other images alone, not of other trainings" in said(grid)


def test_stars_over_images_alone_are_there_when_asked_for(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    answers_with(store, "blind", EMPTY, spared=2)
    assert not signs(table(store))
    grid = table(store, Marks(stars=Stars.images))
    assert signs(grid)
    assert "they speak of other images alone, not of other trainings" in said(grid)


def test_three_seeds_have_stars_that_speak_of_both(make_study: StudyMaker) -> None:
    grid = table(make_study())
    assert signs(grid)
    assert "they speak of other seeds and other images together" in said(grid)
    assert "As expected, FIAM scores higher than PWAM (LAVT) in mIoU" in said(grid)


def test_what_no_test_tells_apart_has_the_same_mark(make_study: StudyMaker) -> None:
    store = make_study()
    frame, samples, troubles = troubles_of(store)
    evidence = weigh(frame, samples, troubles)
    lead = evidence.leads["synthetic", "test"]["mIoU"]
    assert 0 < len(lead.rows) < 4
    assert set(bold(study_grid(frame, evidence))) == set(lead.rows)
    assert not any(cell.emphasis == Emphasis.second for line in table(store).lines() for cell in line.cells)
    assert "cannot tell from it" in said(table(store))


def test_the_maximum_is_marked_by_choice_and_said_to_be_untested(make_study: StudyMaker) -> None:
    grid = table(make_study(seeds=(0,)), Marks(best=Best.maximum))
    assert bold(grid) == ["full"]
    assert "not tested" in said(grid)


def test_a_collapsed_row_is_named_and_takes_no_rank(make_study: StudyMaker, tmp_path: Path) -> None:
    store = make_study()
    answers_with(store, "object", EMPTY)
    grid = table(store, Marks(best=Best.maximum))
    line = grid.panels[TEST].lines[2]
    notes = {note.marker: note.text for note in grid.notes}
    assert "Collapsed (empty masks on 100 %" in notes[line.cells[0].marker]
    assert all(cell.emphasis == Emphasis.none for cell in line.cells)
    assert line.cells[-1].text == NOTHING
    frame, samples, troubles = troubles_of(store)
    evidence = weigh(frame, samples, troubles)
    for name, each in all_grids(store, frame, evidence, samples).items():
        assert "collapsed (empty masks" in said(each).lower(), name
    assert "+ object on synthetic: collapsed (empty masks" in " ".join(leaders(frame, evidence))


def test_the_highest_is_never_said_without_what_cannot_be_told_from_it(make_study: StudyMaker) -> None:
    frame, samples, troubles = troubles_of(make_study())
    (three,) = leaders(frame, weigh(frame, samples, troubles))
    assert three.startswith("On the test split of synthetic, FIAM has the highest mIoU, ")
    assert "a paired test over seeds and images" in three
    frame, samples, troubles = troubles_of(make_study(seeds=(0,)))
    (one,) = leaders(frame, weigh(frame, samples, troubles))
    assert one.endswith(", and fewer than 3 seeds do not say which row is best.")


def test_fewer_than_twenty_expressions_are_grey_and_unranked(make_study: StudyMaker) -> None:
    store = make_study()
    for cell in store.cells():
        cell.write("metrics", (cell.metrics() or {}) | {"counts": {"test": 12, "val": 150}})
    grid = table(store, Marks(best=Best.maximum))
    assert all(cell.faint for line in grid.panels[TEST].lines for cell in line.cells[1:])
    assert not bold(grid)
    assert not any(cell.faint for line in grid.panels[VAL].lines for cell in line.cells)
    assert "fewer than 20 expressions, not ranked" in said(grid)
    assert leaders(troubles_of(store)[0]) == [
        "The test split of synthetic has fewer than 20 expressions: nothing is ranked."
    ]


def test_parts_of_fewer_than_twenty_are_grey_and_empty_ones_left_out(make_study: StudyMaker) -> None:
    store = make_study()
    frame, samples, troubles = troubles_of(store)
    grids = all_grids(store, frame, weigh(frame, samples, troubles), samples)
    categories = grids["tables/category"].panels[0].lines  # ten expressions each
    assert all(cell.faint for line in categories for cell in line.cells[2:])
    assert "Grey" in said(grids["tables/category"])
    (sizes,) = [grid for name, grid in grids.items() if name == "tables/sizes"]
    assert [column.head for column in sizes.columns] == ["Method", "medium (1–10 %)"]  # all are
    assert "Grey" not in said(sizes)


def test_check_marks_that_no_row_bears_have_no_column(make_study: StudyMaker) -> None:
    heads = [column.head for column in table(make_study(marks=["context", "noise"])).columns]
    assert "context" in heads
    assert "noise" not in heads


def test_shuffled_sentences_are_counted_only_where_they_are_shown(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    for cell in store.cells():
        counts = {"train": 9, "val": 150, "test": 300, "shuffled": 300}
        cell.write("metrics", (cell.metrics() or {}) | {"counts": counts})
    assert "shuffled" not in said(table(store))
    store.write_study(store.study("fiam") | {"splits": ["test", "shuffled"]})
    assert "shuffled 300" in said(study_grid(troubles_of(store)[0]))


@pytest.mark.usefixtures("unfigured")
def test_a_report_remembers_what_it_claims(make_study: StudyMaker) -> None:
    store = make_study()
    answers_with(store, "object", EMPTY)

    def made(**how: Marks) -> Report:
        return write_report(store, "fiam", lambda *_: {}, **how)  # type: ignore[arg-type]

    first, again = made(), made()
    assert (again.grid.notes, again.evidence.leads) == (first.grid.notes, first.evidence.leads)
    assert made(marks=Marks(best=Best.maximum)).grid.notes != first.grid.notes


@pytest.mark.parametrize(
    ("outcome", "margin", "begins"),
    [
        ("met", 0, "As expected, FIAM scores higher than PWAM in mIoU on the test split of d: "),
        (
            "not met",
            1,
            "Contrary to what was expected, FIAM does not score more than 1 point higher than PWAM in ",
        ),
        (
            "within noise",
            0.5,
            "Whether FIAM scores more than 0.5 points higher than PWAM in mIoU, as expected, ",
        ),
        (
            "unknown",
            0,
            "Whether FIAM scores higher than PWAM in mIoU, as expected, remains open on the test split",
        ),
    ],
)
def test_what_became_of_an_expectation_is_a_sentence(outcome: str, margin: float, begins: str) -> None:
    verdict = Verdict("FIAM", "PWAM", "mIoU", margin, "d", outcome, "the difference is +1.00 points")
    (said,) = verdict_notes(Evidence(verdicts=(verdict,)))
    assert said.startswith(begins)
    assert said.endswith(": the difference is +1.00 points.")
