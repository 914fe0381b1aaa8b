"""Masks as grey levels, palettes and transparency: what is a mask, and what only looks like one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.reference import LevelMask
from bench.terminal.errors import DataError
from tests.bench.data.conftest import box_mask


def _levels(low: int, high: int) -> Image.Image:
    return Image.fromarray(np.where(box_mask(), high, low).astype(np.uint8))


def _palette() -> Image.Image:
    image = Image.fromarray(box_mask().astype(np.uint8))
    image = image.convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0])
    return image


TWO_LEVELS = {
    "0 and 1": lambda: _levels(0, 1),
    "0 and 255": lambda: _levels(0, 255),
    "1 and 2": lambda: _levels(1, 2),
    "one bit": lambda: Image.fromarray(box_mask()),
    "palette": _palette,
    "blue": lambda: Image.merge("RGB", [_levels(0, 0), _levels(0, 0), _levels(0, 255)]),
}


@pytest.mark.parametrize("make", TWO_LEVELS.values(), ids=TWO_LEVELS.keys())
def test_of_two_levels_the_brighter_is_the_mask(tmp_path: Path, make: Callable[[], Image.Image]) -> None:
    make().save(tmp_path / "m.png")
    assert np.array_equal(LevelMask(tmp_path / "m.png").read(), box_mask())


def test_masks_as_jpeg_and_of_one_level(tmp_path: Path) -> None:
    _levels(0, 255).save(tmp_path / "m.jpg", quality=95)
    assert (LevelMask(tmp_path / "m.jpg").read() == box_mask()).mean() > 0.98
    for level in (0, 1, 255):
        Image.new("L", (4, 3), level).save(tmp_path / "m.png")
        assert LevelMask(tmp_path / "m.png").read().all() == (level > 0)


def test_classes_are_no_mask(tmp_path: Path) -> None:
    levels = np.arange(12, dtype=np.uint8).reshape(3, 4) // 3
    Image.fromarray(levels).save(tmp_path / "m.png")
    with pytest.raises(DataError, match=r"0, 1, 2, 3, .*a mask has two levels"):
        LevelMask(tmp_path / "m.png").read()
    image = Image.fromarray(levels, "L").convert("P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 200, 200, 200])
    image.save(tmp_path / "p.png")
    with pytest.raises(DataError, match="4 colours"):
        LevelMask(tmp_path / "p.png").read()


def _in_alpha() -> Image.Image:
    return Image.merge("LA", [Image.new("L", (40, 30), 255), _levels(0, 255)])


def _instances() -> Image.Image:
    return Image.fromarray(np.repeat(np.uint16([0, 1000, 1001]), 400).reshape(30, 40))


def _bright_classes() -> Image.Image:
    return Image.fromarray(np.repeat(np.uint8([0, 100, 200]), 400).reshape(30, 40))


def _border_of_255() -> Image.Image:
    return Image.fromarray(np.repeat(np.uint8([0, 1, 255]), 400).reshape(30, 40))


def _not_finite() -> Image.Image:
    return Image.fromarray(np.repeat(np.float32([0, 1, np.nan]), 400).reshape(30, 40))


@pytest.mark.parametrize("make", [_in_alpha, _instances, _bright_classes, _border_of_255, _not_finite])
def test_what_only_looks_like_a_mask_is_refused(tmp_path: Path, make: Callable[[], Image.Image]) -> None:
    make().save(tmp_path / "m.tif")
    with pytest.raises(DataError):
        LevelMask(tmp_path / "m.tif").read()


def test_masks_of_more_than_8_bits_are_read_by_their_own_levels(tmp_path: Path) -> None:
    for kind, level in ((np.uint16, 300), (np.float32, 0.5), (np.int32, 1)):
        Image.fromarray((box_mask() * level).astype(kind)).save(tmp_path / "m.tif")
        assert (LevelMask(tmp_path / "m.tif").read() == box_mask()).all()


def test_smoothed_edges_are_no_classes(tmp_path: Path) -> None:
    Image.fromarray(box_mask().astype(np.uint8) * 255).resize((200, 150)).save(tmp_path / "m.png")
    assert LevelMask(tmp_path / "m.png").read().any()
