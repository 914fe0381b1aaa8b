import io
from collections.abc import Callable

from rich.console import Console

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables.console import show
from reports.tables.grid import Column, Emphasis, Grid, Line, Panel, TableCell, fade, number
from reports.tables.marks import Best, Marks
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]
MISSING = {("object", 1): {"state": "failed", "cause": "loss is NaN at step 12"}, ("blind", 2): None}


BEST, SECOND, NONE = Emphasis.best, Emphasis.second, Emphasis.none


def printed(grid: Grid, width: int) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    show(grid, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_terminal_shows_every_cell_and_note(make_study: StudyMaker) -> None:
    grid = study_grid(read_frame(make_study(missing=MISSING), "fiam"))
    page = printed(grid, 200)
    assert all(cell.text in page for line in grid.lines() for cell in line.cells)
    assert all(note.text[:60] in page for note in grid.notes)


def test_narrow_terminal_names_the_columns_it_has_no_room_for(make_study: StudyMaker) -> None:
    grid = study_grid(read_frame(make_study(), "fiam"))
    page = printed(grid, 80)
    assert "Too narrow for context, object, position, P@0.7, P@0.8, P@0.9" in page
    assert "…" not in page
    assert all(len(line) <= 80 for line in page.splitlines())


def test_output_that_is_no_terminal_is_plain_text_of_any_width(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(missing=MISSING), "fiam")
    grid = study_grid(frame, marks=Marks(Best.maximum))
    file = io.StringIO()
    show(grid, Console(file=file, force_terminal=False, width=40))
    page = file.getvalue()
    assert all(cell.text in page for line in grid.lines() for cell in line.cells)
    assert all(note.text in page for note in grid.notes)
    assert page.count("▸") > 7  # a number of every column of both panels, and what it means
    assert "▸ bold, ▹ underlined in the other formats." in page
    assert not any(sign in page for sign in ("<u>", "**", "\\*", "<sup>"))


def test_numbers_that_rest_on_too_few_are_in_parentheses() -> None:
    line = fade(Line("a", (TableCell("A"), number(12.5), TableCell(""))))
    grid = Grid("t", "T", "", (Column("Method"), Column("mIoU", "r"), Column("x")), (Panel("", "", (line,)),))
    assert "A       (12.50)" in printed(grid, 80)
