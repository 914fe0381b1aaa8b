"""Reads rasters that know where they lie (rasterio).

Files only, in a few plain formats: GDAL's formats that refer to other files or servers are never opened.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from bench.config.choices import Stretch
from bench.images.picture import Ends, Picture, Place, band_ends, fill_gaps, refuse_large, stretched
from bench.images.scene import Scene
from bench.terminal.errors import UserError

DRIVERS = {  # by how a file begins; GDAL's other formats may refer to files and servers elsewhere
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\x89PNG": "PNG",
    b"\0\0\0\x0c": "JP2OpenJPEG",
}
THUMBNAIL = 2048  # its longest side, in pixels, at most
CACHE = 128 * 2**20  # bytes that GDAL keeps of a scene; its own rule is a twentieth of the machine's memory
WHOLE = "Is the file whole, and an image?"
warnings.filterwarnings(
    "ignore", category=NotGeoreferencedWarning
)  # for all threads: images are read in many
COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def read_raster(path: Path, bands: Sequence[int] = (), stretch: Stretch = Stretch.percentile) -> Picture:
    """Reads a raster file.

    Args:
        path: The file.
        bands: Which bands are red, green and blue (or the one that is grey), from 1; empty: what the file says.
        stretch: How more than 8 bits become 8.

    Raises:
        UserError: Damaged, or its bands must be chosen.
    """
    with _opened(path, "Pass bands= with such files only." if bands else WHOLE) as raster:
        return _read(path, raster, bands, stretch)


def raster_size(path: Path) -> tuple[int, int]:
    """Height and width of a raster file; its pixels are not read.

    Raises:
        UserError: Damaged.
    """
    with _opened(path, WHOLE) as raster:
        return raster.height, raster.width


@contextmanager
def _opened(path: Path, remedy: str) -> Iterator[Any]:
    """An open raster; all that goes wrong with it is a `UserError`, with a remedy for files of another kind."""
    with path.open("rb") as file:
        driver = DRIVERS.get(file.read(4))
    if driver is None:
        raise UserError(
            f"{path}: not a TIFF, PNG or JPEG 2000.",
            remedy,
        )
    with _reading(path), rasterio.open(path.resolve(), driver=driver) as raster:
        yield raster


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns what GDAL says of a damaged file into a `UserError`."""
    try:
        yield
    except RasterioError as error:
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())}).",
            "Is the file whole, and a TIFF, PNG or JP2?",
        ) from error


class RasterScene(Scene):
    """A raster file that stays on its disk.

    Its `thumbnail` shows every n-th row and column. More than 8 bits are stretched by what is seen there, so that
    every window is read alike.

    Args:
        path: The file.
        raster: Opened.
        bands: As `read_raster`.
        stretch: As `read_raster`.
    """

    def __init__(self, path: Path, raster: Any, bands: Sequence[int], stretch: Stretch) -> None:
        super().__init__(path, raster.height, raster.width, *_place(raster))
        self._raster, self._bands = raster, _choose(path, raster, bands)
        factor = -(-max(raster.height, raster.width) // THUMBNAIL)
        size = (-(-raster.height // factor), -(-raster.width // factor))
        values, valid = _values(raster, self._bands, out_shape=size)
        self._ends = band_ends(values, valid, stretch)
        self.thumbnail = self._picture(values, valid)

    def _inside(self, top: int, left: int, bottom: int, right: int) -> Picture:
        with _reading(self.path):
            values, valid = _values(self._raster, self._bands, window=((top, bottom), (left, right)))
        return self._picture(values, valid)

    def _picture(self, values: np.ndarray, valid: np.ndarray) -> Picture:
        pixels = _colours(self._raster, self._bands, values, valid, self._ends)
        return fill_gaps(Picture(self.path, pixels, valid))


@contextmanager
def opened_scene(path: Path, bands: Sequence[int], stretch: Stretch) -> Iterator[RasterScene]:
    """A raster of any size, read window by window while it is open.

    Args:
        path: The file.
        bands: As `read_raster`.
        stretch: As `read_raster`.

    Raises:
        UserError: Damaged, or its bands must be chosen.
    """
    with rasterio.Env(GDAL_CACHEMAX=CACHE), _opened(path, WHOLE) as raster:
        yield RasterScene(path, raster, bands, stretch)


def _read(path: Path, raster: Any, bands: Sequence[int], stretch: Stretch) -> Picture:
    refuse_large(path, raster.width, raster.height)
    chosen = _choose(path, raster, bands)
    values, valid = _values(raster, chosen)
    pixels = _colours(raster, chosen, values, valid, band_ends(values, valid, stretch))
    return fill_gaps(Picture(path, pixels, valid, *_place(raster)))


def _values(raster: Any, bands: Sequence[int], **part: Any) -> tuple[np.ndarray, np.ndarray]:
    """Values (C,H,W) of bands and where they are data (H,W), of the part that rasterio's words name; else of all."""
    values = raster.read(bands, **part)
    valid = np.isfinite(values).all(axis=0)
    alphas = {
        band for band, meaning in enumerate(raster.colorinterp, start=1) if meaning is ColorInterp.alpha
    }
    if not alphas & set(bands):  # else it is data: a fourth band is called alpha by many that write it
        valid &= raster.read_masks(bands, **part).any(axis=0)
        for band in alphas:
            valid &= raster.read([band], **part)[0] > 0
    elif raster.nodata is not None:
        valid &= (values != raster.nodata).any(axis=0)
    return values, valid


def _colours(
    raster: Any, bands: Sequence[int], values: np.ndarray, valid: np.ndarray, ends: Ends
) -> np.ndarray:
    """Values (C,H,W) as (H,W,3) uint8 colours."""
    if raster.colorinterp[bands[0] - 1] is ColorInterp.palette:
        table = np.zeros((256, 3), np.uint8)
        for index, colour in raster.colormap(bands[0]).items():
            table[index % 256] = colour[:3]
        return table[values[0]]
    if len(bands) == 1:
        values, ends = np.repeat(values, 3, axis=0), 3 * tuple(ends)
    return stretched(values, valid, ends)


def _place(raster: Any) -> tuple[Place | None, tuple[str, ...]]:
    """Where a raster lies, and what is to be said of it."""
    place = None if raster.transform.is_identity else Place(raster.transform, raster.crs)
    notes = []
    if place and not place.crs:
        notes.append("has no coordinate reference system: a mask GeoTIFF without one is written, no GeoJSON")
    if place is None and raster.gcps[0]:
        notes.append(
            "is placed by ground control points, which are not read: no GeoTIFF or GeoJSON is written"
        )
    return place, tuple(notes)


def _choose(path: Path, raster: Any, bands: Sequence[int]) -> list[int]:
    """The bands to read, from 1: one (grey) or three."""
    chosen = _named(path, raster, bands)
    if any(raster.dtypes[band - 1].startswith("complex") for band in chosen):
        raise UserError(f"{path}: holds complex numbers.", "Pass an image of their magnitude.")
    return chosen


def _named(path: Path, raster: Any, bands: Sequence[int]) -> list[int]:
    """The bands that are asked for, or that the file names."""
    if bands:
        if len(bands) not in (1, 3) or not all(1 <= band <= raster.count for band in bands):
            raise UserError(
                f"{path}: has {raster.count} band{'s' * (raster.count > 1)}; asked for is "
                f"bands=[{','.join(map(str, bands))}].",
                "Pass red, green and blue of them, such as 'bands=[3,2,1]', or one band.",
            )
        return list(bands)
    meanings = list(raster.colorinterp)
    if all(colour in meanings for colour in COLOURS):
        return [meanings.index(colour) + 1 for colour in COLOURS]
    seen = [band for band, meaning in enumerate(meanings, start=1) if meaning is not ColorInterp.alpha]
    if len(seen) in (1, 3):
        return seen
    raise UserError(
        f"{path}: has {len(seen)} bands and does not say which are red, green and blue (bands= can; in training, "
        "data.bands=).",
        "Pass them, such as 'bands=[3,2,1]', or one band.",
    )
