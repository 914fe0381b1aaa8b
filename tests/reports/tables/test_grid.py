import pytest

from reports.tables.grid import Column, Emphasis, Line, emphasize, number

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
