"""Drawn scenes: exact, plausible, reproducible."""

import numpy as np
import pytest

from bench.drawing.canvas import SIDE, Canvas, Ground
from bench.drawing.grounds import COUNTRIES, Frame
from bench.drawing.objects import COLOURS, MODELS
from bench.drawing.scenes import CATEGORIES, SMALLEST, draw

SCENES = [draw(1, index, 96) for index in range(40)]


def test_a_scene_depends_on_seed_and_index_alone() -> None:
    again = draw(1, 3, 96)
    assert np.array_equal(again.image, SCENES[3].image)
    assert np.array_equal(again.masks, SCENES[3].masks)
    assert again.scene == SCENES[3].scene
    assert not np.array_equal(draw(2, 3, 96).image, SCENES[3].image)


def test_masks_are_disjoint_visible_and_described_truly() -> None:
    for drawn in SCENES:
        assert drawn.image.shape == (96, 96, 3)
        assert drawn.image.dtype == np.uint8
        assert drawn.masks.sum(0).max() == 1
        assert len(drawn.masks) == len(drawn.scene.instances)
        for mask, instance in zip(drawn.masks, drawn.scene.instances, strict=True):
            rows, columns = np.nonzero(mask)
            assert instance.area == mask.sum() >= SMALLEST * (96 / SIDE) ** 2
            assert instance.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert instance.category in CATEGORIES
            assert instance.colour in MODELS[instance.category].colours


def test_the_pixels_of_a_mask_have_the_colour_that_is_said() -> None:
    """Of the named colour among the colours of its class, most pixels of plain bodies are nearest to it."""
    plain = {"ship", "storage tank", "airplane"}
    right = total = 0
    for drawn in SCENES:
        for mask, instance in zip(drawn.masks, drawn.scene.instances, strict=True):
            if instance.category in plain:
                names = MODELS[instance.category].colours
                tints = np.array([COLOURS[name] for name in names], float)
                pixel = np.median(drawn.image[mask], axis=0)
                right += names[int(np.abs(tints - pixel).sum(1).argmin())] == instance.colour
                total += 1
    assert right / total > 0.9


def test_most_classes_come_in_numbers_so_that_a_class_name_is_not_enough() -> None:
    counts = [len(n) for drawn in SCENES for n in drawn.scene.of_class.values() for _ in n]
    assert np.mean(np.array(counts) >= 2) > 0.65
    assert max(len(drawn.scene.instances) for drawn in SCENES) <= 7
    assert np.mean([len(drawn.scene.instances) for drawn in SCENES]) > 3.5


def test_every_class_occurs() -> None:
    seen = {i.category for index in range(120) for i in draw(2, index, 64).scene.instances}
    assert seen == set(CATEGORIES)


@pytest.mark.parametrize("country", COUNTRIES, ids=lambda country: country.__name__)
def test_ships_are_offered_water_and_nothing_else_is(country) -> None:  # type: ignore[no-untyped-def]
    site = country(Frame(Canvas(96, np.random.default_rng(0)), np.random.default_rng(0)))
    for offer in site.offers:
        assert (Ground.water in offer.grounds) == (offer.category == "ship")
        assert Ground.built not in offer.grounds


def test_trees_and_clouds_hide_parts_but_never_most_of_an_object() -> None:
    """Some masks have less area than the object drawn, none less than half of the usual."""
    fills: dict[str, list[float]] = {}
    for drawn in SCENES:
        for instance in drawn.scene.instances:
            if instance.category == "storage tank":  # a disc fills pi/4 of its box when nothing hides it
                x0, y0, x1, y1 = instance.box
                fills.setdefault(instance.category, []).append(instance.area / ((x1 - x0) * (y1 - y0)))
    shares = np.array(fills["storage tank"])
    assert shares.min() > 0.4
    assert (shares < 0.72).any()


@pytest.mark.parametrize("size", [48, 96, 200, 480])
def test_any_size_shows_the_same_kind_of_scene(size: int) -> None:
    drawn = draw(3, 0, size)
    assert drawn.image.shape == (size, size, 3)
    assert min(instance.area for instance in drawn.scene.instances) >= SMALLEST * (size / SIDE) ** 2
