"""Images and masks at the one square size of a recipe. Imports no torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from bench.config.choices import Stretch
from bench.images.read import open_image


def read_resized(
    path: Path, size: int, stretch: Stretch = Stretch.percentile, bands: Sequence[int] = ()
) -> np.ndarray:
    """An image (3,size,size) uint8 RGB, resized bilinearly without keeping its aspect, as the four papers do.

    Raises:
        DataError: The file cannot be read.
    """
    return resized(open_image(path, "RGB", stretch, bands), size)


def resized(image: Image.Image, size: int) -> np.ndarray:
    """An RGB image as `read_resized` gives it."""
    square = image.resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))


def resize_levels(levels: np.ndarray, size: int) -> np.ndarray:
    """Grey levels (H,W) uint8 as (size,size), bilinear as `read_resized` brings images to their size."""
    return np.asarray(Image.fromarray(levels).resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """A mask (H,W) bool as (size,size) uint8 of 0 and 1, nearest neighbour as the four papers do."""
    # Run lengths go down the columns: the transpose lies straight in memory, and nearest knows no direction.
    image = Image.fromarray(mask.T.view(np.uint8)).resize((size, size), Image.Resampling.NEAREST)
    return np.array(np.asarray(image).T, order="C")
