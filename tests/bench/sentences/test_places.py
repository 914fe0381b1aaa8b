"""Places in the whole picture: which words say them, what is left of the sentence, and which thing they choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.sentences.places import Placed, placed, there
from bench.sentences.predicates import CELLS, Cell


@pytest.mark.parametrize(
    ("sentence", "rest", "cell"),
    [
        ("the ship at the top", "the ship", (0, -1)),
        ("The ship is at the bottom.", "The ship.", (0, 1)),
        ("the upper left ship", "the ship", (-1, -1)),
        ("the gray ship in the top-left corner of the image", "the gray ship", (-1, -1)),
        ("the ship that is located on the lower right", "the ship", (1, 1)),
        ("The baseball field in the middle", "The baseball field", (0, 0)),
        ("tennis court on the left side", "tennis court", (-1, 0)),
        ("the vehicle on the right-hand side", "the vehicle", (1, 0)),
        ("the northern airport", "the airport", (0, -1)),
        ("the ship on the left of the harbor is at the top", "the ship on the left of the harbor", (0, -1)),
    ],
)
def test_place_in_the_picture_is_taken_out(sentence: str, rest: str, cell: tuple[int, int]) -> None:
    found = placed(sentence)
    assert found is not None
    assert (found.rest, found.cell) == (rest, Cell(*cell))


@pytest.mark.parametrize(
    "sentence",
    [
        "the ship",
        "the ship on the left of the harbor",  # as seen from another thing
        "the ship above the dam",
        "the ship in the middle of the two docks",
        "the ship at the top of the harbor on the left",  # whose place is on the left?
        "the ship on the left and the right",
        "at the top",
        "the ship at the front",
        "",
    ],
)
def test_sentence_that_names_no_one_place_in_the_picture_has_none(sentence: str) -> None:
    assert placed(sentence) is None


@pytest.mark.parametrize("cell", CELLS)
def test_every_place_that_drawn_sentences_say_is_understood(cell: tuple[int, int]) -> None:
    found = placed(f"The small red ship {CELLS[cell]}")
    assert found is not None
    assert (found.rest, found.cell, found.far, found.several) == (
        "The small red ship",
        Cell(*cell),
        False,
        False,
    )


def test_plurals_and_outermost_ones_are_told() -> None:
    for sentence in ("all ships at the top", "the ships at the top", "both ships at the top"):
        found = placed(sentence)
        assert found is not None
        assert found.several
    for sentence in ("the leftmost ship", "the ship on the far left"):
        found = placed(sentence)
        assert found is not None
        assert (found.far, found.cell) == (True, Cell(-1, 0))


def box(x: float, y: float) -> tuple[float, float, float, float]:
    return (x - 2, y - 2, x + 2, y + 2)


def chosen(sentence: str, *boxes: tuple[float, float, float, float]) -> list[int]:
    found = placed(sentence)
    assert found is not None
    return there(found, boxes, 100, 100)


def test_one_thing_is_chosen_the_outermost_that_clearly_fits() -> None:
    assert chosen("the ship at the top", box(50, 10), box(50, 20), box(50, 90)) == [0]
    assert chosen("the ship at the top", box(5, 5), box(50, 20)) == [1], "the corner is not clearly the top"
    assert chosen("the topmost ship", box(5, 5), box(50, 20)) == [0]
    assert chosen("the ship in the middle", box(45, 50), box(52, 50), box(90, 50)) == [1]


def test_what_people_could_argue_about_counts_where_nothing_is_clear() -> None:
    assert chosen("the ship at the top", box(50, 34), box(50, 90)) == [0]


def test_plural_means_all_that_are_there() -> None:
    assert chosen("the ships at the top", box(50, 10), box(50, 20), box(50, 90)) == [0, 1]


def test_nothing_is_there() -> None:
    assert chosen("the ship at the top", box(50, 90)) == []
    assert chosen("the ship at the top") == []


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    found = placed(text)
    assert found is None or (found.rest and found.said)


WORDS = ("the", "a", "small", "ship", "harbor", "at", "on", "top", "left", "upper", "of", "far", "is", ".")


@given(st.lists(st.sampled_from(WORDS)))
def test_what_is_left_names_the_same_thing_and_no_place(words: list[str]) -> None:
    found = placed(" ".join(words))
    if found is not None:
        again = placed(found.rest)
        assert isinstance(found, Placed)
        assert again is None or len(again.rest) < len(found.rest)
        assert "ship" in found.rest or "harbor" in found.rest
