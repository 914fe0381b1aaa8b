import pytest

from reports.tables.grid import (
    Column,
    Emphasis,
    Line,
    Panel,
    TableCell,
    emphasize,
    fade,
    number,
    without_empty,
)

BEST, SECOND, NONE = Emphasis.best, Emphasis.second, Emphasis.none


def column(*values: float) -> list[Emphasis]:
    lines = [Line(str(place), (number(value),)) for place, value in enumerate(values)]
    return [line.cells[0].emphasis for line in emphasize(lines, [Column("mIoU", "r", ranked=True)])]


def test_best_and_second_best() -> None:
    assert column(10, 30, 20) == [NONE, BEST, SECOND]


def test_numbers_that_print_the_same_share_their_rank() -> None:
    assert column(30.001, 30.004, 29, 28.999, 5) == [BEST, BEST, SECOND, SECOND, NONE]


def test_nothing_is_best_where_all_are_equal_or_alone() -> None:
    assert column(0, 0, 0) == [NONE] * 3
    assert column(12.5) == [NONE]


def test_nothing_found_is_not_second_best() -> None:
    assert column(0.22, 0, 0) == [BEST, NONE, NONE]


def test_missing_numbers_take_no_rank() -> None:
    assert column(float("nan"), 3, 2) == [NONE, BEST, SECOND]


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (1.005, False, "1.00"),
        (-0.001, True, "+0.00"),
        (-2.5, True, "−2.50"),
        (3, True, "+3.00"),
        (100, False, "100.00"),
    ],
)
def test_numbers_have_two_decimals_and_a_real_minus(value: float, signed: bool, text: str) -> None:
    assert number(value, signed=signed).text == text


def test_all_that_stand_out_are_marked_alike() -> None:
    lines = [Line(key, (TableCell(key), number(value))) for key, value in (("a", 3), ("b", 2.9), ("c", 1))]
    columns = [Column("Method"), Column("mIoU", "r", ranked=True)]
    marked = emphasize(lines, columns, {"mIoU": ("a", "b")})
    assert [line.cells[1].emphasis for line in marked] == [BEST, BEST, NONE]
    assert [line.cells[1].emphasis for line in emphasize(lines, columns, {})] == [NONE] * 3


def test_numbers_that_rest_on_too_few_take_no_rank() -> None:
    few = fade(Line("a", (TableCell("A"), number(90))))
    lines = [few, *(Line(str(value), (TableCell(""), number(value))) for value in (10, 20))]
    marked = emphasize(lines, [Column("Method"), Column("mIoU", "r", ranked=True)])
    assert [line.cells[1].emphasis for line in marked] == [NONE, SECOND, BEST]
    assert not few.cells[0].faint
    assert few.cells[1].bracketed


def test_lines_and_columns_without_a_number_are_left_out() -> None:
    nothing = number(float("nan"))
    lines = (
        Line("a", (TableCell("A"), number(1), nothing)),
        Line("b", (TableCell("B"), nothing, TableCell(""))),
    )
    panels = [Panel("x", "test", lines), Panel("y", "test", lines[1:])]
    columns, (panel,) = without_empty([Column("Method"), Column("one"), Column("two")], panels)
    assert [column.head for column in columns] == ["Method", "one"]
    assert [[cell.text for cell in line.cells] for line in panel.lines] == [["A", "1.00"]]
