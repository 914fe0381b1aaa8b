"""Rasters that know where they lie (rasterio): reading them, and writing masks as GeoTIFF and GeoJSON.

Files only, in a few plain formats: GDAL's formats that refer to other files or servers are never opened.
"""

import json
import math
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import features, warp
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from scipy import ndimage

from bench.images.picture import Picture, Place, fill_gaps, refuse_large, to_eight_bits
from bench.storage import files
from bench.terminal.errors import UserError

DRIVERS = {  # by how a file begins; GDAL's other formats may refer to files and servers elsewhere
    b"II*\0": "GTiff",
    b"MM\0*": "GTiff",
    b"II+\0": "GTiff",
    b"MM\0+": "GTiff",
    b"\x89PNG": "PNG",
    b"\0\0\0\x0c": "JP2OpenJPEG",
}
COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
DECIMALS = 7  # of a degree: a centimetre
WGS84 = "EPSG:4326"
Ring = list[tuple[float, float]]


def read_raster(path: Path, bands: Sequence[int] = ()) -> Picture:
    """Reads a raster file.

    Args:
        path: The file.
        bands: Which bands are red, green and blue (or the one that is grey), from 1; empty: what the file says.

    Raises:
        UserError: Damaged, or its bands must be chosen.
    """
    with path.open("rb") as file:
        driver = DRIVERS.get(file.read(4))
    if driver is None:
        raise UserError(
            f"{path}: not a TIFF, PNG or JPEG 2000.",
            "Pass bands= with such files only." if bands else "Is the file whole, and an image?",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path.resolve(), driver=driver) as raster:
                return _read(path, raster, bands)
    except RasterioError as error:
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())}).",
            "Is the file whole, and a TIFF, PNG or JP2?",
        ) from error


def _read(path: Path, raster: Any, bands: Sequence[int]) -> Picture:
    refuse_large(path, raster.width, raster.height)
    chosen = _choose(path, raster, bands)
    kinds = {raster.dtypes[band - 1] for band in chosen}
    if any(kind.startswith("complex") for kind in kinds):
        raise UserError(f"{path}: holds complex numbers.", "Pass an image of their magnitude.")
    values = raster.read(chosen)
    valid = raster.read_masks(chosen).any(axis=0) & np.isfinite(values).all(axis=0)
    for band, meaning in enumerate(raster.colorinterp, start=1):
        if meaning is ColorInterp.alpha:
            valid &= raster.read(band) > 0
    if raster.colorinterp[chosen[0] - 1] is ColorInterp.palette:
        table = np.zeros((256, 3), np.uint8)
        for index, colour in raster.colormap(chosen[0]).items():
            table[index % 256] = colour[:3]
        pixels = table[values[0]]
    else:
        pixels = to_eight_bits(np.repeat(values, 3, axis=0) if len(chosen) == 1 else values, valid)
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
                f"bands={list(bands)}: {path} has bands 1 to {raster.count}.",
                "Pass red, green and blue, such as bands=[3,2,1], or one band.",
            )
        return list(bands)
    meanings = list(raster.colorinterp)
    if all(colour in meanings for colour in COLOURS):
        return [meanings.index(colour) + 1 for colour in COLOURS]
    seen = [band for band, meaning in enumerate(meanings, start=1) if meaning is not ColorInterp.alpha]
    if len(seen) in (1, 3):
        return seen
    raise UserError(
        f"{path}: has {len(seen)} bands and does not say which are red, green and blue.",
        "Pass them, such as bands=[3,2,1], or one band.",
    )


def write_mask(file: Path, mask: np.ndarray, place: Place) -> None:
    """Writes a mask (H,W) bool as a GeoTIFF of 0 and 1 that lies where its image lies."""
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "compress": "deflate", "tiled": True}
    shape = {"height": mask.shape[0], "width": mask.shape[1], "blockxsize": 256, "blockysize": 256}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, **shape, transform=place.transform, crs=place.crs) as raster:
            raster.write(mask.astype(np.uint8), 1)
        files.write_bytes(file, memory.read())


def polygons(mask: np.ndarray, probability: np.ndarray, place: Place, text: str) -> dict[str, Any] | None:
    """The connected parts of a mask as a GeoJSON collection (RFC 7946: longitude, latitude of WGS84).

    Args:
        mask: (H,W) bool.
        probability: (H,W) float, 0..1.
        place: Where it lies; its `crs` is known.
        text: The sentence, kept with each part.

    Returns:
        A feature a part with `text`, `pixels` (its area) and `probability` (its mean); None where the
        coordinates have no longitude and latitude.
    """
    parts, count = ndimage.label(mask)
    parts = parts.astype(np.int32)
    pixels = np.bincount(parts.ravel(), minlength=count + 1)
    sums = np.bincount(parts.ravel(), np.where(mask, probability, 0).ravel(), count + 1)
    collected = []
    for shape, number in features.shapes(parts, mask=mask, connectivity=4, transform=place.transform):
        part = int(number)
        try:
            geometry = warp.transform_geom(
                place.crs, WGS84, shape, antimeridian_cutting=True, precision=DECIMALS
            )
        except RasterioError:
            return None
        geometry = _wound(geometry)
        if geometry is None:
            return None
        collected.append(
            {
                "type": "Feature",
                "geometry": geometry,
                "properties": {
                    "text": text,
                    "pixels": int(pixels[part]),
                    "probability": round(float(sums[part] / pixels[part]), 4),
                },
            }
        )
    return {"type": "FeatureCollection", "features": collected}


def write_geojson(file: Path, collection: dict[str, Any]) -> None:
    """Writes a GeoJSON collection."""
    files.write_text(file, json.dumps(collection, ensure_ascii=False, allow_nan=False) + "\n")


def _wound(geometry: dict[str, Any]) -> dict[str, Any] | None:
    """Outlines counter-clockwise, holes clockwise, as RFC 7946 has them; None if a coordinate is not finite."""
    many = geometry["type"] == "MultiPolygon"
    parts = geometry["coordinates"] if many else [geometry["coordinates"]]
    if not all(math.isfinite(value) for part in parts for ring in part for point in ring for value in point):
        return None
    wound = [[_turned(ring, left=place == 0) for place, ring in enumerate(part)] for part in parts]
    return {"type": geometry["type"], "coordinates": wound if many else wound[0]}


def _turned(ring: Ring, *, left: bool) -> Ring:
    """The ring, counter-clockwise (`left`) or clockwise."""
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))
    return ring if (area > 0) == left else ring[::-1]
