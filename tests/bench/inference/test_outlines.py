"""Outlines: their areas on Earth, fewer points, and files that other programs read."""

import json
import math
import sqlite3
import struct
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.images.picture import Place
from bench.inference.parts import find_parts

rasterio = pytest.importorskip("rasterio")

from bench.inference.geopackage import write_geopackage  # noqa: E402
from bench.inference.ground import square_metres  # noqa: E402
from bench.inference.outlines import Outline, geojson, outlines, simplified  # noqa: E402

EARTH = 510_065_621_724_000  # square metres of WGS84's ellipsoid


def rectangle(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {"type": "Polygon", "coordinates": [ring]}


def placed(crs: str, x: float, y: float, size: float) -> Place:
    return Place(rasterio.transform.from_origin(x, y, size, size), rasterio.crs.CRS.from_user_input(crs))


def found(mask: np.ndarray, place: Place, simplify: float = 0.0) -> list[Outline]:
    parts = find_parts(mask, np.where(mask, 0.8, 0.1))
    (labels,) = parts.labels([mask])
    every = outlines(labels, mask, parts, place, "the ship", simplify)
    assert every is not None
    return every


def test_areas_are_those_that_are_known() -> None:
    assert square_metres(rectangle(-180, -90, 180, 90)) == pytest.approx(EARTH, rel=1e-9)
    assert square_metres(rectangle(10, 0, 11, 1)) == pytest.approx(12_308.46e6, rel=1e-6)
    metre = 1 / 111_319.49079327357  # of the equator, in degrees
    assert square_metres(rectangle(0, 0, metre, metre)) == pytest.approx(0.99330562, rel=1e-6)
    whole, hole = rectangle(0, 0, 3, 3)["coordinates"][0], rectangle(1, 1, 2, 2)["coordinates"][0]
    with_hole = {"type": "Polygon", "coordinates": [whole, hole]}
    assert square_metres(with_hole) == pytest.approx(
        square_metres(rectangle(0, 0, 3, 3)) - square_metres(rectangle(1, 1, 2, 2))
    )


@pytest.mark.parametrize(
    ("crs", "x", "y", "size", "factor"),
    [
        ("EPSG:32631", 500_000, 5_400_000, 1.0, 1 / 0.9996**2),  # UTM's scale on its middle meridian
        ("EPSG:3857", 0, 8_399_737.89, 1.0, None),  # Web Mercator at 60 degrees: a quarter
        ("EPSG:4326", 10, 60, 1e-5, None),
    ],
)
def test_square_metres_are_those_on_the_ground_whatever_the_projection(
    crs: str, x: float, y: float, size: float, factor: float | None
) -> None:
    mask = np.zeros((300, 300), bool)
    mask[50:150, 20:220] = True
    (outline,) = found(mask, placed(crs, x, y, size))
    if factor is None:
        sine = math.sin(math.radians(60))
        square = 0.00669437999014
        across = 6_378_137 / math.sqrt(1 - square * sine**2) * 0.5  # metres a radian of longitude
        along = 6_378_137 * (1 - square) / (1 - square * sine**2) ** 1.5
        pixel = math.radians(1e-5) ** 2 * across * along
        if crs == "EPSG:3857":
            pixel = (across / 6_378_137) * (along * 0.5 / 6_378_137)
    else:
        pixel = factor
    assert outline.properties["pixels"] == 20_000
    assert outline.properties["square_metres"] == pytest.approx(20_000 * pixel, rel=1e-4)
    assert outline.properties["probability"] == 0.8


def test_simplified_outlines_keep_area_and_pixels_of_the_part() -> None:
    rows, columns = np.mgrid[:200, :200]
    mask = (rows - 100) ** 2 + (columns - 100) ** 2 < 60**2
    mask &= (rows - 100) ** 2 + (columns - 100) ** 2 > 20**2
    place = placed("EPSG:32631", 500_000, 5_400_000, 1.0)
    (exact,), (rough,) = found(mask, place), found(mask, place, simplify=1.0)
    assert exact.properties == rough.properties
    assert [len(ring) for ring in rough.rings] < [len(ring) for ring in exact.rings]
    assert sum(map(len, rough.rings)) < sum(map(len, exact.rings)) / 4
    assert square_metres(rough.earth) == pytest.approx(square_metres(exact.earth), rel=0.03)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.floats(0.1, 5))
def test_simplified_ring_is_closed_and_near_every_point_it_left_out(seed: int, tolerance: float) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(rng.integers(3, 40))) * 2 * np.pi
    points = np.round(
        np.stack([np.cos(angles), np.sin(angles)], 1) * 20 + rng.normal(size=(len(angles), 2))
    ).tolist()
    ring = [(x, y) for x, y in [*points, points[0]]]
    kept = simplified(ring, tolerance)
    assert kept[0] == kept[-1]
    assert len(kept) >= 4
    assert set(kept) <= set(ring)
    if len(kept) < len(ring):
        assert all(_distance(point, kept) <= tolerance + 1e-9 for point in ring)


def _distance(point: tuple[float, float], ring: list[tuple[float, float]]) -> float:
    best = math.inf
    for (x0, y0), (x1, y1) in pairwise(ring):
        length = (x1 - x0) ** 2 + (y1 - y0) ** 2
        share = ((point[0] - x0) * (x1 - x0) + (point[1] - y0) * (y1 - y0)) / length if length else 0
        share = min(max(share, 0), 1)
        best = min(best, math.hypot(point[0] - x0 - share * (x1 - x0), point[1] - y0 - share * (y1 - y0)))
    return best


def test_part_across_the_antimeridian_is_cut_and_measured_whole() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:20, 5:35] = True
    (outline,) = found(mask, placed("EPSG:32660", 833_978.5 - 20, 20, 1.0))
    (same,) = found(mask, placed("EPSG:32660", 833_978.5 - 520, 20, 1.0))
    assert outline.earth["type"] == "MultiPolygon"
    assert outline.properties["square_metres"] == pytest.approx(same.properties["square_metres"], rel=1e-4)


def test_geopackage_holds_what_the_standard_asks_for(tmp_path: Path) -> None:
    mask = np.zeros((30, 30), bool)
    mask[2:6, 3:9] = mask[10:20, 10:20] = True
    mask[13:15, 13:15] = False
    place = placed("EPSG:32631", 500_000, 5_400_000, 2.0)
    every = found(mask, place)
    write_geopackage(tmp_path / "x.gpkg", every, place.crs)
    assert [each.name for each in tmp_path.iterdir()] == ["x.gpkg"]
    assert (tmp_path / "x.gpkg").read_bytes()[68:72] == b"GPKG"
    with closing(sqlite3.connect(tmp_path / "x.gpkg")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("SELECT table_name, data_type, srs_id FROM gpkg_contents").fetchall() == [
            ("found", "features", 32631)
        ]
        systems = {row[0] for row in database.execute("SELECT srs_id FROM gpkg_spatial_ref_sys")}
        assert systems == {-1, 0, 4326, 32631}
        rows = database.execute("SELECT geom, text, pixels, square_metres, probability FROM found").fetchall()
    assert [row[1:] for row in rows] == [tuple(each.properties.values()) for each in every]
    extent = struct.unpack_from("<4d", rows[0][0], 8)
    assert extent == (500_006, 500_018, 5_399_988, 5_399_996)
    assert rows[0][0][:4] == b"GP\0\x03"
    assert struct.unpack_from("<BII", rows[1][0], 40) == (1, 3, 2), "a polygon with one hole"


def test_geopackage_of_nothing_and_of_a_system_without_number(tmp_path: Path) -> None:
    crs = rasterio.crs.CRS.from_proj4("+proj=laea +lat_0=10 +lon_0=20 +ellps=WGS84 +units=m")
    write_geopackage(tmp_path / "x.gpkg", [], crs)
    with closing(sqlite3.connect(tmp_path / "x.gpkg")) as database:
        assert database.execute("SELECT count(*) FROM found").fetchone() == (0,)
        assert database.execute("SELECT srs_id FROM gpkg_geometry_columns").fetchone() == (100_001,)


def test_geojson_is_longitude_and_latitude() -> None:
    mask = np.ones((10, 10), bool)
    collection = json.loads(geojson(found(mask, placed("EPSG:32631", 500_000, 5_400_000, 1.0))))
    (feature,) = collection["features"]
    assert feature["geometry"]["coordinates"][0][0] == pytest.approx([3.0, 48.753], abs=1e-3)
    assert feature["properties"]["square_metres"] == pytest.approx(100.08, abs=0.01)
