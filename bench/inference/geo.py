"""Writes masks that lie where their image lies, as GeoTIFF and GeoJSON (rasterio)."""

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio import features, warp
from scipy import ndimage

from bench.images.picture import Place
from bench.storage import files

DECIMALS = 7  # of a degree: a centimetre
WGS84 = "EPSG:4326"
Ring = list[tuple[float, float]]


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
        except Exception:  # a local (engineering) system has no way to Earth; PROJ and GDAL raise many kinds
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
