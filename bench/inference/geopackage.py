"""Outlines as a GeoPackage (OGC 12-128r18, version 1.3): an SQLite file, which Python writes by itself."""

import sqlite3
import struct
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from rasterio.crs import CRS

from bench.inference.outlines import Outline, Ring
from bench.storage import files

OWN_SYSTEM = 100_001  # the number here of a reference system that has none at EPSG
SCHEMA = """
PRAGMA journal_mode = MEMORY;
PRAGMA application_id = 0x47504B47;
PRAGMA user_version = 10300;
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents(table_name),
  column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL,
  PRIMARY KEY (table_name, column_name));
CREATE TABLE found (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom POLYGON, text TEXT, pixels INTEGER,
  square_metres DOUBLE, probability DOUBLE);
INSERT INTO gpkg_spatial_ref_sys VALUES ('Undefined Cartesian', -1, 'NONE', -1, 'undefined', NULL),
  ('Undefined geographic', 0, 'NONE', 0, 'undefined', NULL);
"""
CONTENTS = """INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id)
  VALUES ('found', 'features', 'found', ?, ?, ?, ?, ?)"""
COLUMN = "INSERT INTO gpkg_geometry_columns VALUES ('found', 'geom', 'POLYGON', ?, 0, 0)"
FEATURE = "INSERT INTO found (geom, text, pixels, square_metres, probability) VALUES (?, ?, ?, ?, ?)"


def write_geopackage(file: Path, found: Sequence[Outline], crs: Any) -> None:
    """Writes outlines in the coordinates of their map, one layer `found`.

    Args:
        file: Replaced as a whole, or left as it was.
        found: The outlines.
        crs: Reference system of their map (rasterio's).

    Raises:
        NotWritten: It cannot be written.
    """
    with (
        files.writing(file, sqlite3.Error),
        files.replacing(file) as temporary,
        closing(sqlite3.connect(temporary)) as database,
    ):
        database.executescript(SCHEMA)
        _add_system(database, CRS.from_epsg(4326))  # which every GeoPackage has
        system = _add_system(database, crs)
        points = [point for each in found for point in each.rings[0]]
        xs, ys = zip(*points, strict=True) if points else ((0.0,), (0.0,))
        database.execute(CONTENTS, (min(xs), min(ys), max(xs), max(ys), system))
        database.execute(COLUMN, (system,))
        database.executemany(
            FEATURE, ((_blob(each.rings, system), *each.properties.values()) for each in found)
        )
        database.commit()


def _add_system(database: sqlite3.Connection, crs: Any) -> int:
    """Makes a reference system known; its number."""
    epsg = crs.to_epsg()
    number, organization = (epsg, "EPSG") if epsg else (OWN_SYSTEM, "NONE")
    row = (f"{organization}:{number}", number, organization, number, crs.to_wkt())
    database.execute("INSERT OR IGNORE INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, NULL)", row)
    return number


def _blob(rings: Sequence[Ring], system: int) -> bytes:
    """A polygon as GeoPackage binary: header with its extent, then well-known binary, little-endian."""
    xs, ys = zip(*rings[0], strict=True)
    header = struct.pack("<2sBBi4d", b"GP", 0, 0b11, system, min(xs), max(xs), min(ys), max(ys))
    body = struct.pack("<BII", 1, 3, len(rings))
    for ring in rings:
        body += struct.pack("<I", len(ring)) + struct.pack(
            f"<{2 * len(ring)}d", *(v for point in ring for v in point)
        )
    return header + body
