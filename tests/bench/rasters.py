"""Pictures, and files of them, for tests."""

from pathlib import Path
from typing import Any

import numpy as np

from bench.images.picture import Picture


def pixels(height: int = 60, width: int = 90) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def noise() -> Picture:
    return Picture(Path("noise"), pixels(), np.ones((60, 90), bool))


def raster(path: Path, bands: np.ndarray, **profile: Any) -> Path:
    """Writes bands (C,H,W) as a GeoTIFF in UTM zone 31 north, two metres a pixel, unless told otherwise."""
    import rasterio

    place = {"crs": "EPSG:32631", "transform": rasterio.transform.from_origin(430000, 5400000, 2, 2)}
    shape = dict(zip(("count", "height", "width"), bands.shape, strict=True))
    with rasterio.open(path, "w", driver="GTiff", dtype=bands.dtype, **shape, **(place | profile)) as file:
        file.write(bands)
    return path


def deep(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(1, 3000, (count, 60, 90)).astype(np.uint16)


def scene(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Green ground with a little noise (H,W,3), and a red box for each x0, y0, x1, y1."""
    pixels = np.random.default_rng(0).integers(0, 40, (height, width, 3), dtype=np.uint8)
    pixels[..., 1] += 90
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = (220, 30, 30)
    return pixels


def red(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] > 200


BOXES = ((10, 5, 22, 15), (60, 30, 85, 50), (90, 90, 99, 120), (3, 100, 20, 118))


def geotiff(path: Path, pixels: np.ndarray, **profile: Any) -> Path:
    """Writes pixels (H,W,3) as a GeoTIFF of half a metre a pixel, unless told otherwise."""
    import rasterio

    place = {"transform": rasterio.transform.from_origin(499000, 5400000, 0.5, 0.5)}
    return raster(path, pixels.transpose(2, 0, 1), **(place | profile))


def held(pixels: np.ndarray) -> Picture:
    return Picture(Path("x.png"), pixels, np.ones(pixels.shape[:2], bool))
