"""The 8-bit colour pictures that models read, and where on Earth they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.config.choices import Stretch
from bench.terminal.errors import UserError

NO_DATA = (124, 116, 104)  # ImageNet's mean colour: says nothing to the model
MOST_PIXELS = 178_956_970  # where Pillow stops
DARKEST, BRIGHTEST = 2.0, 98.0  # percentiles that become 0 and 255 where a band has more than 8 bits
AS_TIFF = "TIFFs of any size are read in windows, with tile=auto; `rio convert IN OUT.tif` makes one of other images."
Ends = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Place:
    """Where a raster lies: `transform` from pixels to the coordinates of `crs`, which may be unknown."""

    transform: Any
    crs: Any | None

    def at(self, column: float, row: float) -> tuple[float, float]:
        """Coordinates x, y of a corner of a pixel: (0, 0) is the upper left one of the raster."""
        a, b, c, d, e, f = self.transform[:6]
        return a * column + b * row + c, d * column + e * row + f


@dataclass(frozen=True)
class Picture:
    """An image as a model reads it.

    Args:
        path: Its file.
        pixels: (H,W,3) uint8 RGB; the mean colour where there are no data.
        valid: (H,W) bool, False where there are no data.
        place: Where it lies on Earth; None: not known.
        notes: What a reader of the result must know, a line each.
    """

    path: Path
    pixels: np.ndarray
    valid: np.ndarray
    place: Place | None = None
    notes: tuple[str, ...] = ()


def refuse_large(path: Path, width: int, height: int) -> None:
    """Raises `UserError` where a picture has more pixels than can be held at once.

    A few bytes can claim any size, and in larger scenes a model that sees them resized finds nothing.
    """
    if width * height > MOST_PIXELS:
        raise too_large(path, f"{width}x{height}")


def too_large(path: Path, size: str) -> UserError:
    """The error for a picture of too many pixels."""
    return UserError(
        f"{path}: {size} pixels are too many, at most {MOST_PIXELS / 1e6:.0f} million are read.",
        AS_TIFF,
    )


def fill_gaps(picture: Picture) -> Picture:
    """The same picture with the mean colour where there are no data."""
    picture.pixels[~picture.valid] = NO_DATA
    return picture


def to_eight_bits(bands: np.ndarray, valid: np.ndarray, stretch: Stretch = Stretch.percentile) -> np.ndarray:
    """Bands (3,H,W) as (H,W,3) uint8, each stretched by its valid pixels; bands that have 8 bits stay as they are."""
    return stretched(bands, valid, band_ends(bands, valid, stretch))


def band_ends(bands: np.ndarray, valid: np.ndarray, stretch: Stretch) -> Ends:
    """Which values of each band (C,H,W) become 0 and 255; none where nothing is stretched or valid."""
    if bands.dtype == np.uint8 or not valid.any():
        return ()
    return tuple(_ends(band[valid], stretch) for band in bands)


def stretched(bands: np.ndarray, valid: np.ndarray, ends: Ends) -> np.ndarray:
    """Bands (3,H,W) as (H,W,3) uint8 between these ends; bands that have 8 bits stay as they are."""
    if bands.dtype == np.uint8:
        return np.ascontiguousarray(bands.transpose(1, 2, 0))
    levels = np.zeros((*valid.shape, 3), np.uint8)
    for place, (low, high) in enumerate(ends):
        scaled = (bands[place].astype(np.float32) - low) * (255 / max(high - low, 1e-6))
        levels[..., place] = np.where(valid, scaled.clip(0, 255), 0)
    return levels


def _ends(values: np.ndarray, stretch: Stretch) -> tuple[float, float]:
    """Which values become 0 and 255."""
    match stretch:
        case Stretch.percentile:
            low, high = np.percentile(values, (DARKEST, BRIGHTEST))
        case Stretch.minmax:
            low, high = values.min(), values.max()
        case Stretch.none:
            low, high = 0, 255
    return float(low), float(high)
