import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reports.page.example_pictures import LEAST, Window, outline, thumbnail, window_on

ROWS, COLUMNS = np.mgrid[:60, :80]


def areas(path: str) -> list[float]:
    """Area inside each closed line of a path."""
    found = []
    for line in re.findall(r"M([^Z]*)Z", path):
        x, y = np.array([point.split(",") for point in line.split()], float).T
        found.append(abs(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2)
    return found


def test_an_outline_encloses_its_mask() -> None:
    mask = (ROWS - 30) ** 2 + (COLUMNS - 40) ** 2 < 15**2
    (area,) = areas(outline(mask, Window(), (160, 120)))
    assert abs(area / (4 * mask.sum()) - 1) < 0.03


def test_holes_and_parts_are_lines_of_their_own() -> None:
    ring = np.zeros((60, 80), bool)
    ring[10:30, 10:30], ring[15:25, 15:25], ring[40:50, 60:70] = True, False, True
    assert len(areas(outline(ring, Window(), (80, 60)))) == 3
    assert outline(np.zeros((60, 80), bool), Window(), (80, 60)) == ""
    assert len(areas(outline(np.ones((60, 80), bool), Window(), (80, 60)))) == 1


def test_what_lies_outside_a_window_has_no_outline() -> None:
    mask = np.zeros((60, 80), bool)
    mask[5:10, 5:10] = True
    assert outline(mask, Window(0.5, 0.5, 0.5, 0.5), (100, 100)) == ""


def test_a_mask_of_another_resolution_has_the_same_outline() -> None:
    mask = np.zeros((60, 80), bool)
    mask[10:30, 10:50] = True
    fine = mask.repeat(3, axis=0).repeat(3, axis=1)
    same = [areas(outline(each, Window(), (160, 120)))[0] for each in (mask, fine)]
    assert same[0] > 0.98 * same[1] > 0.95 * same[0]


@given(st.integers(0, 59), st.integers(0, 79), st.integers(1, 12), st.integers(1, 12))
def test_a_small_object_lies_in_a_window_inside_the_image(
    top: int, left: int, height: int, width: int
) -> None:
    mask = np.zeros((60, 80), bool)
    mask[top : top + height, left : left + width] = True
    window = window_on(mask)
    assert 0 <= window.left <= left / 80
    assert min(80, left + width) / 80 <= window.left + window.width + 1e-9 <= 1 + 2e-9
    assert 0 <= window.top <= top / 60
    assert min(60, top + height) / 60 <= window.top + window.height + 1e-9 <= 1 + 2e-9
    assert window.width >= LEAST - 1e-9


def test_a_large_or_missing_object_is_shown_in_the_whole_image() -> None:
    mask = np.zeros((60, 80), bool)
    assert window_on(mask) == Window()
    mask[10:40, 10:60] = True
    assert window_on(mask) == Window()


def test_a_thumbnail_keeps_the_sides_of_its_window() -> None:
    image = Image.new("RGB", (80, 60))
    assert thumbnail(image, Window(), 40)[1] == (40, 30)
    assert thumbnail(image, Window(0.5, 0, 0.25, 1), 60)[1] == (20, 60)
