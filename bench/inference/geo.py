"""Masks and probabilities that lie where their image lies, as GeoTIFFs for the web: compressed, with overviews."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
from rasterio.shutil import copy
from rasterio.windows import Window

from bench.images.picture import Place
from bench.storage import files

NO_PERCENT = 255  # of probabilities in per cent: no data


def write_mask(file: Path, mask: np.ndarray, place: Place) -> None:
    """Writes a mask (H,W) bool as a GeoTIFF of 0 and 1 that lies where its image lies."""
    with rasterio.MemoryFile() as memory:
        shape = {"height": mask.shape[0], "width": mask.shape[1], "count": 1, "dtype": "uint8"}
        with memory.open(driver="GTiff", **shape, transform=place.transform, crs=place.crs) as raster:
            raster.write(mask.astype(np.uint8), 1)
        write_cog(file, memory.name)


def write_cog(file: Path, source: str | Path) -> None:
    """Copies a raster as a Cloud Optimized GeoTIFF, block by block.

    Raises:
        NotWritten: It cannot be written.
    """
    with _writing(file), files.replacing(file) as temporary:
        copy(str(source), str(temporary), driver="COG", compress="DEFLATE", bigtiff="IF_SAFER")
        _read_back(temporary)


@contextmanager
def rows_raster(
    file: Path, kind: str, height: int, width: int, place: Place | None, nodata: int | None = None
) -> Iterator[Any]:
    """A raster on disk that is written row by row from the top, each compressed by itself, while it is open."""
    shape = {"height": height, "width": width, "count": 1, "dtype": kind, "nodata": nodata}
    lies = {} if place is None else {"transform": place.transform, "crs": place.crs}
    rows = {"blockysize": 1, "compress": "deflate", "zlevel": 1, "bigtiff": "IF_SAFER"}
    with _writing(file), rasterio.open(file, "w", driver="GTiff", **shape, **lies, **rows) as raster:
        yield raster
    with _writing(file):
        _read_back(file)


def write_rows(raster: Any, top: int, values: np.ndarray) -> None:
    """Writes the next rows (h,W) of a `rows_raster`, from row `top` on.

    Raises:
        NotWritten: They cannot be written.
    """
    height, width = values.shape
    with _writing(Path(raster.name)):
        raster.write(values, 1, window=Window(0, top, width, height))


def _read_back(file: Path) -> None:
    """Reads every block: GDAL writes the last ones when it closes a file, and says nothing of a full disk then."""
    with rasterio.open(file) as raster:
        for _, window in raster.block_windows(1):
            raster.read(1, window=window)


def _writing(file: Path) -> AbstractContextManager[None]:
    return files.writing(file, RasterioError, CPLE_BaseError)  # the latter leaves `copy` as it came from GDAL
