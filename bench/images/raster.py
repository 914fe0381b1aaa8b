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

from bench.config.schema import Stretch
from bench.images.picture import Picture, Place, fill_gaps, refuse_large, to_eight_bits
from bench.terminal.errors import UserError

DRIVERS = {  # by how a file begins; GDAL's other formats may refer to files and servers elsewhere
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\x89PNG": "PNG",
    b"\0\0\0\x0c": "JP2OpenJPEG",
}
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
    try:
        with rasterio.open(path.resolve(), driver=driver) as raster:
            yield raster
    except RasterioError as error:
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())}).",
            "Is the file whole, and a TIFF, PNG or JP2?",
        ) from error


def _read(path: Path, raster: Any, bands: Sequence[int], stretch: Stretch) -> Picture:
    refuse_large(path, raster.width, raster.height)
    chosen = _choose(path, raster, bands)
    kinds = {raster.dtypes[band - 1] for band in chosen}
    if any(kind.startswith("complex") for kind in kinds):
        raise UserError(f"{path}: holds complex numbers.", "Pass an image of their magnitude.")
    values = raster.read(chosen)
    valid = np.isfinite(values).all(axis=0)
    alphas = {
        band for band, meaning in enumerate(raster.colorinterp, start=1) if meaning is ColorInterp.alpha
    }
    if not alphas & set(chosen):  # else it is data: a fourth band is called alpha by many that write it
        valid &= raster.read_masks(chosen).any(axis=0)
        for band in alphas:
            valid &= raster.read(band) > 0
    elif raster.nodata is not None:
        valid &= (values != raster.nodata).any(axis=0)
    if raster.colorinterp[chosen[0] - 1] is ColorInterp.palette:
        table = np.zeros((256, 3), np.uint8)
        for index, colour in raster.colormap(chosen[0]).items():
            table[index % 256] = colour[:3]
        pixels = table[values[0]]
    else:
        pixels = to_eight_bits(np.repeat(values, 3, axis=0) if len(chosen) == 1 else values, valid, stretch)
    place = None if raster.transform.is_identity else Place(raster.transform, raster.crs)
    notes = []
    if place and not place.crs:
        notes.append("has no coordinate reference system: a mask GeoTIFF without one is written, no GeoJSON")
    if place is None and raster.gcps[0]:
        notes.append(
            "is placed by ground control points, which are not read: no GeoTIFF or GeoJSON is written"
        )
    return fill_gaps(Picture(path, pixels, valid, place, tuple(notes)))


def _choose(path: Path, raster: Any, bands: Sequence[int]) -> list[int]:
    """The bands to read, from 1: one (grey) or three."""
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
