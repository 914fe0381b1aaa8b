"""Which words hold clearly of an object, and of which nothing is said."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from bench.sentences.expressions import expressions
from bench.sentences.predicates import (
    Cell,
    Comparison,
    Direction,
    Far,
    Inside,
    Instance,
    Look,
    Phrase,
    Scene,
    Size,
)


def row(*areas: float, category: str = "ship") -> Scene:
    """Square instances of the given areas side by side in a picture of 300 x 300."""
    step = 300 / len(areas)
    boxes = [(step * (i + 0.5), math.sqrt(a) / 2) for i, a in enumerate(areas)]
    instances = [
        Instance(category, (x - h, 150 - h, x + h, 150 + h), a)
        for (x, h), a in zip(boxes, areas, strict=True)
    ]
    return Scene(300, 300, tuple(instances))


@pytest.mark.parametrize(
    ("areas", "word", "verdicts"),
    [
        ((100, 400), "large", (False, True)),
        ((100, 400), "huge", (False, None)),
        ((100, 600), "huge", (False, True)),
        ((100, 200), "large", (None, None)),
        ((100, 250), "huge", (False, None)),
        ((100, 120), "small", (None, None)),
        ((100, 250, 260), "small", (True, False, False)),
        ((50, 400), "tiny", (True, False)),
        ((90, 400), "tiny", (None, False)),
    ],
)
def test_size_words_follow_the_widest_gap_of_the_class(
    areas: tuple[float, ...], word: str, verdicts: tuple[bool | None, ...]
) -> None:
    scene = row(*areas)
    assert tuple(Size(word).judge(scene, i) for i in range(len(areas))) == verdicts


def test_an_only_one_is_sized_against_the_picture() -> None:
    assert Size("large").judge(row(0.2 * 300 * 300), 0) is True
    assert Size("tiny").judge(row(0.2 * 300 * 300), 0) is False
    assert Size("small").judge(row(0.025 * 300 * 300), 0) is None


@pytest.mark.parametrize("category", ["small vehicle", "large vehicle", "giant panda"])
def test_a_class_with_a_size_in_its_name_gets_no_size_word(category: str) -> None:
    scene = row(100, 900, category=category)
    for expression in expressions(scene, np.random.default_rng(0), groups=True):
        said = expression.text.replace(category, "")
        assert not re.search(r"tiny|small|large|huge|big|similar", said), expression.text


def test_nothing_is_said_of_sizes_where_one_of_the_class_is_cut_by_the_border() -> None:
    whole = row(100, 900)
    cut = replace(whole.instances[0], box=(0.0, 140.0, 10.0, 160.0))
    scene = Scene(300, 300, (cut, whole.instances[1]))
    assert [scene.cut(i) for i in range(2)] == [True, False]
    assert [Size("large").judge(scene, i) for i in range(2)] == [None, None]
    assert [Comparison("much bigger than", 0, Phrase("ship")).judge(scene, 1)] == [None]
    assert Size("large").judge(whole, 1) is True


def test_the_visible_share_of_a_cut_one_is_estimated_from_whole_ones_of_its_class() -> None:
    boxes = [(0.0, 40.0, 10.0, 60.0), (40.0, 40.0, 60.0, 60.0), (70.0, 40.0, 90.0, 60.0)]
    scene = Scene(
        100, 100, tuple(Instance("ship", box, area) for box, area in zip(boxes, (100, 400, 400), strict=True))
    )
    assert [scene.visible(i) for i in range(3)] == [0.25, 1.0, 1.0]
    assert Scene(100, 100, scene.instances[:1]).visible(0) is None
    large = (replace(scene.instances[0], area=900.0), *scene.instances[1:])
    assert Scene(100, 100, large).visible(0) == 0.99


def at(*centres: tuple[float, float]) -> Scene:
    """Small ships with their middles at shares of a 100 x 100 picture."""
    boxes = [(100 * x - 2, 100 * y - 2, 100 * x + 2, 100 * y + 2) for x, y in centres]
    return Scene(100, 100, tuple(Instance("ship", box, 16.0) for box in boxes))


def test_a_side_excludes_only_what_is_outside_its_whole_third() -> None:
    scene = at((0.1, 0.5), (0.1, 0.1), (0.5, 0.5), (0.34, 0.5))
    assert [Cell(-1, 0).judge(scene, i) for i in range(4)] == [True, None, False, None]


def test_a_corner_excludes_what_is_outside_its_cell() -> None:
    scene = at((0.1, 0.1), (0.1, 0.5), (0.9, 0.1), (0.32, 0.1))
    assert [Cell(-1, -1).judge(scene, i) for i in range(4)] == [True, False, False, None]


def test_far_is_said_only_of_the_one_clearly_ahead() -> None:
    scene = at((0.05, 0.5), (0.15, 0.9), (0.18, 0.1))
    assert [Far(-1).judge(scene, i) for i in range(3)] == [True, False, False]
    assert Far(-1).judge(at((0.05, 0.5), (0.06, 0.9)), 0) is None


def test_a_place_is_not_said_near_a_border_between_thirds() -> None:
    near, far = 1 / 3 - 0.03, 1 / 3 - 0.06
    assert Cell(-1, 0).judge(at((near, 0.5)), 0) is None
    assert Cell(-1, 0).judge(at((far, 0.5)), 0) is True
    assert Cell(0, 0).judge(at((1 / 3 + 0.06, 0.5)), 0) is None


def test_what_reaches_over_half_of_the_picture_is_on_no_side() -> None:
    scene = Scene(100, 100, (Instance("bridge", (0.0, 45.0, 56.0, 55.0), 500.0),))
    assert Cell(-1, 0).judge(scene, 0) is None


def test_a_cell_tells_no_neighbours_apart() -> None:
    neighbours, strangers = at((0.25, 0.5), (0.42, 0.5)), at((0.25, 0.5), (0.5, 0.5))
    for scene, told in ((neighbours, False), (strangers, True)):
        texts = {e.text.split(" ", 1)[1] for e in expressions(scene, np.random.default_rng(0))}
        assert ("ship on the left" in texts) is told


def test_directions_are_eight_sectors_seen_from_the_landmark() -> None:
    scene = at((0.5, 0.5), (0.8, 0.5), (0.8, 0.2), (0.5, 0.2), (0.2, 0.52), (0.8, 0.37))
    phrase = Phrase("ship")
    right = [Direction("on the right of", 0, phrase).judge(scene, i) for i in range(6)]
    assert right == [False, True, False, False, False, None]
    assert Direction("on the upper right of", 0, phrase).judge(scene, 2) is True
    assert Direction("above", 0, phrase).judge(scene, 3) is True


def test_a_direction_is_not_said_of_boxes_that_overlap() -> None:
    wide = Instance("bridge", (0, 40, 100, 60), 1500.0)
    scene = Scene(100, 100, (wide, Instance("ship", (80, 48, 90, 52), 30.0)))
    assert not Direction("on the right of", 0, Phrase("bridge")).judge(scene, 1)
    assert Inside(0, Phrase("bridge")).judge(scene, 1) is True


def test_comparisons_leave_a_gap_between_neighbouring_words() -> None:
    scene = row(100, 110, 150, 400, 122)
    verdicts = {
        word: [Comparison(word, 0, Phrase("ship")).judge(scene, i) for i in range(1, 5)]
        for word in ("similar in size to", "a little bigger than", "much bigger than")
    }
    assert verdicts["similar in size to"] == [True, False, False, None]
    assert verdicts["a little bigger than"] == [False, True, False, None]
    assert verdicts["much bigger than"] == [False, False, True, False]


def test_an_unknown_colour_can_neither_be_said_nor_excluded() -> None:
    boxes = [(x, 45.0, x + 10, 55.0) for x in (10.0, 45.0, 80.0)]
    colours = ("red", "blue", None)
    scene = Scene(100, 100, tuple(Instance("ship", b, 90.0, c) for b, c in zip(boxes, colours, strict=True)))
    assert [Look("colour", "red").judge(scene, i) for i in range(3)] == [True, False, None]
    texts = {e.text.split(" ", 1)[1] for e in expressions(scene, np.random.default_rng(0))}
    assert "red ship" not in texts
    assert "red ship on the left" in texts


def test_nothing_is_said_of_classes_in_unknown_numbers() -> None:
    scene = at((0.1, 0.5), (0.9, 0.5))
    crowd = Scene(scene.width, scene.height, scene.instances, frozenset({"ship"}))
    assert expressions(scene, np.random.default_rng(0), groups=True)
    assert not expressions(crowd, np.random.default_rng(0), groups=True)
