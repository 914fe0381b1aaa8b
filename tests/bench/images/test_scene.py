"""Images of any size, read window by window from memory or disk."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.images import read
from bench.images.read import open_scene, read_picture
from bench.images.scene import HeldScene, Window
from bench.terminal.errors import UserError
from tests.bench.rasters import geotiff, scene

rasterio = pytest.importorskip("rasterio")


def test_scene_from_disk_is_read_like_the_picture_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    values = np.random.default_rng(1).integers(1, 3000, (70, 90, 3)).astype(np.uint16)
    values[:20, :30] = 0
    path = geotiff(tmp_path / "s.tif", values, nodata=0)
    picture = read_picture(path)
    with open_scene(path) as streamed:
        found = streamed.read(Window(40, 60, 50))
        assert np.array_equal(streamed.thumbnail.pixels, picture.pixels)
    expected = HeldScene(picture).read(Window(40, 60, 50))
    assert np.array_equal(found.pixels, expected.pixels)
    assert np.array_equal(found.valid, expected.valid)
    assert found.valid[:30, :30].all()
    assert not found.valid[30:].any()


def test_image_for_which_there_is_no_memory_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(scene(100, 100)).save(tmp_path / "x.png")
    monkeypatch.setattr(read, "free_memory", lambda: 200_000)
    with pytest.raises(UserError, match="100x100 pixels take") as error, open_scene(tmp_path / "x.png"):
        pass
    assert "rio convert" in error.value.remedy


def test_turned_tiff_is_turned_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    pixels = scene(40, 60, (0, 0, 20, 10))
    path = tmp_path / "upside-down.tif"
    Image.fromarray(pixels).save(path, tiffinfo={274: 3})  # turned by half a circle
    with open_scene(path) as found:
        assert isinstance(found, HeldScene)
        assert np.array_equal(found.picture.pixels, pixels[::-1, ::-1])
