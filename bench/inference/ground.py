"""How large things are on Earth: areas of outlines and of pixels in square metres, whatever the map projection."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rasterio import warp

from bench.images.picture import Place
from bench.images.scene import Scene
from bench.terminal.errors import UserError

WGS84 = "EPSG:4326"
EQUATOR = 6_378_137.0  # WGS84's half axis, metres
FLATTENING = 1 / 298.257223563
ECCENTRICITY = math.sqrt(FLATTENING * (2 - FLATTENING))


def on_earth(geometry: dict[str, Any], place: Place) -> dict[str, Any] | None:
    """A geometry in longitude and latitude, cut at the antimeridian; None where its coordinates have none."""
    try:
        turned: dict[str, Any] = warp.transform_geom(place.crs, WGS84, geometry, antimeridian_cutting=True)
    except Exception:  # a local (engineering) system has no way to Earth; PROJ and GDAL raise many kinds
        return None
    points = (point for rings in polygons_of(turned) for ring in rings for point in ring)
    return turned if all(math.isfinite(value) for point in points for value in point) else None


def polygons_of(geometry: dict[str, Any]) -> list[list[Any]]:
    """The polygons of a Polygon or MultiPolygon, each as rings of points."""
    return list(geometry["coordinates"]) if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]


def square_metres(geometry: dict[str, Any]) -> float:
    """Area on WGS84's ellipsoid of a Polygon or MultiPolygon in longitude and latitude.

    Edges are straight lines of Lambert's cylindrical equal-area projection, along which meridians and parallels run.
    """
    total = 0.0
    for outline, *holes in polygons_of(geometry):
        total += _ring_area(outline) - sum(map(_ring_area, holes))
    return total


def resolution(scene: Scene) -> float:
    """Metres a pixel in the middle of a scene: the root of that pixel's area.

    Raises:
        UserError: The scene does not say where it lies on Earth.
    """
    place = scene.place
    turned = None
    if place is not None and place.crs is not None:
        x, y = scene.width // 2, scene.height // 2
        corners = [(x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y), (x, y)]
        ring = [place.at(*corner) for corner in corners]
        turned = on_earth({"type": "Polygon", "coordinates": [ring]}, place)
    if turned is None:
        raise UserError(
            f"{scene.path}: does not say where on Earth it lies, so resolution= has nothing to compare with.",
            "Pass scale= instead: metres a pixel of this image / metres a pixel of those trained on.",
        )
    return math.sqrt(square_metres(turned))


def _ring_area(ring: Sequence[Sequence[float]]) -> float:
    (x0, y0), *_ = flat = [(EQUATOR * math.radians(point[0]), _equal_area(point[1])) for point in ring]
    near = [(x - x0, y - y0) for x, y in flat]  # small numbers: their products lose no digits
    return abs(sum(xa * yb - xb * ya for (xa, ya), (xb, yb) in pairwise(near))) / 2


def _equal_area(latitude: float) -> float:
    """How far north a latitude in degrees lies in Lambert's projection, metres: the area up to it / circumference."""
    sine = math.sin(math.radians(latitude))
    across = ECCENTRICITY * sine
    zone = sine / (1 - across**2) + math.atanh(across) / ECCENTRICITY
    return EQUATOR * (1 - ECCENTRICITY**2) * zone / 2
