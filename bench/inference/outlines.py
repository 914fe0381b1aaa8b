"""The outlines of a mask's parts: on the map, on Earth, with their areas; as GeoJSON (rasterio)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from rasterio import features

from bench.images.picture import Place
from bench.inference.ground import on_earth, polygons_of, square_metres
from bench.inference.parts import Parts

DECIMALS = 7  # of a degree: a centimetre
Ring = list[tuple[float, float]]


@dataclass(frozen=True)
class Outline:
    """One connected part of a mask.

    Args:
        rings: The outline and its holes, in the coordinates of the map.
        earth: The same as GeoJSON geometry: WGS84, outlines counter-clockwise, holes clockwise (RFC 7946).
        properties: `text`, `pixels`, `square_metres` (on the ellipsoid), mean `probability`.
    """

    rings: list[Ring]
    earth: dict[str, Any]
    properties: dict[str, Any]


def outlines(
    labels: Any, mask: Any, parts: Parts, place: Place, text: str, simplify: float = 0.0
) -> list[Outline] | None:
    """Every connected part of a mask.

    Args:
        labels: (H,W) int32, the number of each pixel's part, or a rasterio band of such.
        mask: (H,W) bool, where there are parts, or a rasterio band of 0 and 1.
        parts: What is known of them.
        place: Where the mask lies; its `crs` is known.
        text: The sentence.
        simplify: As `Outlines.simplify`; areas and pixels are those of the whole part.

    Returns:
        None where the coordinates have no longitude and latitude.
    """
    found = []
    for shape, number in features.shapes(labels, mask=mask, connectivity=4):
        part = int(number) - 1
        rings = [_on_map(ring, place) for ring in shape["coordinates"]]
        earth = on_earth({"type": "Polygon", "coordinates": rings}, place)
        if earth is None:
            return None
        area = square_metres(earth)
        if simplify > 0:
            rings = [_on_map(simplified(ring, simplify), place) for ring in shape["coordinates"]]
            rings = rings[:1] + [ring for ring in rings[1:] if len(ring) > 3]
            earth = on_earth({"type": "Polygon", "coordinates": rings}, place) or earth
        said = {
            "text": text,
            "pixels": int(parts.pixels[part]),
            "square_metres": round(area, 2),
            "probability": round(float(parts.probability[part]), 4),
        }
        found.append(Outline(rings, _wound(earth), said))
    return found


def geojson(found: Iterable[Outline]) -> str:
    """A GeoJSON collection of outlines (RFC 7946: longitude, latitude of WGS84)."""
    collection = [
        {"type": "Feature", "geometry": each.earth, "properties": each.properties} for each in found
    ]
    whole = {"type": "FeatureCollection", "features": collection}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n"


def simplified(ring: Ring, tolerance: float) -> Ring:
    """A closed ring with fewer points, none of those left out farther than `tolerance` from it (Douglas, Peucker).

    A ring of which less than a triangle would be left stays as it is.
    """
    points = np.array(ring, float)
    far = int(np.argmax(((points - points[0]) ** 2).sum(axis=1)))
    keep = np.zeros(len(points), bool)
    keep[[0, far, -1]] = True
    spans = [(0, far), (far, len(points) - 1)]
    while spans:
        begin, end = spans.pop()
        if end - begin < 2:
            continue
        off = _distances(points[begin + 1 : end], points[begin], points[end])
        if off.max() > tolerance:
            # of equal ones that in the middle: a staircase is halved, not peeled corner by corner
            farthest = np.flatnonzero(off > off.max() - 1e-9)
            middle = begin + 1 + int(farthest[len(farthest) // 2])
            keep[middle] = True
            spans += [(begin, middle), (middle, end)]
    return [ring[i] for i in np.flatnonzero(keep)] if keep.sum() > 3 else ring


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far points (N,2) are from the edge between two others."""
    along = end - start
    share = ((points - start) @ along / max(float(along @ along), 1e-12)).clip(0, 1)
    nearest = start + share[:, None] * along
    return np.asarray(np.hypot(*(points - nearest).T))


def _on_map(ring: Iterable[tuple[float, float]], place: Place) -> Ring:
    return [place.at(*point) for point in ring]


def _wound(geometry: dict[str, Any]) -> dict[str, Any]:
    """Outlines counter-clockwise, holes clockwise, as RFC 7946 has them, to the centimetre."""
    wound = [
        [list(_turned(ring, left=place == 0)) for place, ring in enumerate(rings)]
        for rings in polygons_of(geometry)
    ]
    many = geometry["type"] == "MultiPolygon"
    return {"type": geometry["type"], "coordinates": wound if many else wound[0]}


def _turned(ring: Ring, *, left: bool) -> Iterator[tuple[float, float]]:
    """The ring, counter-clockwise (`left`) or clockwise, rounded."""
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring))
    for x, y in ring if (area > 0) == left else ring[::-1]:
        yield round(x, DECIMALS), round(y, DECIMALS)
