"""What image files are read as, and which are refused."""

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.images.picture import NO_DATA
from bench.images.read import read_picture
from bench.terminal.errors import UserError
from tests.bench.rasters import deep, pixels, raster

rasterio = pytest.importorskip("rasterio")


def test_images_of_every_kind_are_read(tmp_path: Path) -> None:
    colours = pixels()
    Image.fromarray(colours).save(tmp_path / "rgb.png")
    assert np.array_equal(read_picture(tmp_path / "rgb.png").pixels, colours)
    Image.fromarray(colours[..., 0]).save(tmp_path / "grey.png")
    assert np.array_equal(read_picture(tmp_path / "grey.png").pixels, colours[..., [0, 0, 0]])
    alpha = np.full((60, 90, 1), 255, np.uint8)
    alpha[:9] = 0
    Image.fromarray(np.concatenate([colours, alpha], axis=2)).save(tmp_path / "rgba.png")
    picture = read_picture(tmp_path / "rgba.png")
    assert picture.valid.sum() == 51 * 90
    assert (picture.pixels[:9] == NO_DATA).all()
    Image.fromarray(deep(1)[0]).save(tmp_path / "deep.png")
    stretched = read_picture(tmp_path / "deep.png").pixels
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert 100 < stretched.mean() < 155
    float_bands = deep(3).astype(np.float32)
    float_bands[0, 5, 5] = np.nan
    assert not read_picture(raster(tmp_path / "float.tif", float_bands)).valid[5, 5]


def test_bands_are_chosen_from_one(tmp_path: Path) -> None:
    bands = np.zeros((5, 60, 90), np.uint8)
    bands[:] = np.arange(5).reshape(5, 1, 1) + 10
    scene = raster(tmp_path / "five.tif", bands)
    assert read_picture(scene, [5, 3, 2]).pixels[0, 0].tolist() == [14, 12, 11]
    assert read_picture(scene, [4]).pixels[0, 0].tolist() == [13, 13, 13]
    for wrong in ([], [6, 1, 2], [0, 1, 2], [1, 2]):
        with pytest.raises(UserError, match="bands"):
            read_picture(scene, wrong)


def claiming(path: Path, width: int, height: int) -> Path:
    """A PNG of a few bytes that says it is this large."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ]
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    return path


def test_picture_of_too_many_pixels_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.tif"
    shape = {"height": 10**5, "width": 10**5, "count": 3, "dtype": "uint16"}
    with rasterio.open(sparse, "w", driver="GTiff", **shape, sparse_ok=True, tiled=True):
        pass
    for path in (claiming(tmp_path / "huge.png", 10**5, 10**4), sparse):
        with pytest.raises(UserError, match=r"pixels are too many") as error:
            read_picture(path)
        assert "tile=auto" in error.value.remedy


@pytest.mark.parametrize(
    ("content", "bands", "remedy"),
    [
        (b"", (), "Copy or download it again."),
        (b"hello", (), "Is the file whole, and an image?"),
        (b"hello", (1, 2, 3), "Pass bands= with such files only."),
        (b"II*\0 no directory", (), "Is the file whole, and a TIFF, PNG or JP2?"),
    ],
)
def test_file_that_is_no_image_says_so_and_nothing_else(
    content: bytes, bands: tuple[int, ...], remedy: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    (tmp_path / "x.tif").write_bytes(content)
    with pytest.raises(UserError) as error:
        read_picture(tmp_path / "x.tif", bands)
    assert error.value.remedy == remedy
    assert not recwarn.list


def test_without_rasterio_a_geotiff_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = raster(tmp_path / "scene.tif", deep(3))
    Image.fromarray(pixels()).save(tmp_path / "plain.tif")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    monkeypatch.delitem(sys.modules, "bench.images.raster", raising=False)
    with pytest.raises(UserError) as error:
        read_picture(scene)
    assert "pip install 'fianet-bench[geo]'" in error.value.remedy
    assert np.array_equal(read_picture(tmp_path / "plain.tif").pixels, pixels())
