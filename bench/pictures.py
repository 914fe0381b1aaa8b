"""Image files of any kind as the 8-bit colour pictures that models read, and where on Earth they lie.

GeoTIFFs, TIFFs that Pillow cannot show as they are, and 16-bit colour are read by `bench.geo` (rasterio), the
rest by Pillow, exactly as in training. Imports no torch.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.errors import UserError

if TYPE_CHECKING:
    from bench.geo import Place

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".bmp", ".webp")
EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# scale, tie points, transformation, key directory, GDAL's metadata and no-data value
GEO_TAGS = (33550, 33922, 34264, 34735, 42112, 42113)
NO_DATA = (124, 116, 104)  # ImageNet's mean colour: says nothing to the model
MOST_PIXELS = 178_956_970  # where Pillow stops
DARKEST, BRIGHTEST = 2.0, 98.0  # percentiles that become 0 and 255 where a band has more than 8 bits


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
    place: "Place | None" = None
    notes: tuple[str, ...] = ()


def find_pictures(path: Path) -> list[Path]:
    """The image file, or every image file in the folder (not below it), by name.

    Raises:
        UserError: No such file, or a folder without images.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"image={path}: no such file or folder.", "Pass an image, or a folder of images.")
    found = sorted(each for each in path.iterdir() if each.suffix.lower() in SUFFIXES and each.is_file())
    if not found:
        raise UserError(f"image={path}: the folder holds no images.", f"Read are {', '.join(SUFFIXES)}.")
    return found


def read_picture(path: Path, bands: Sequence[int] = ()) -> Picture:
    """Reads an image file.

    Args:
        path: The file.
        bands: Which bands are red, green and blue (or the one that is grey), from 1; empty: what the file says.

    Raises:
        UserError: Not an image, damaged, or its bands must be chosen.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file.", "Pass an image file.")
    if not path.stat().st_size:
        raise UserError(f"{path}: is empty.", "Copy or download it again.")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Pillow's about damaged tags: if the picture suffers, reading it says so
        return _read(path, bands)


def _read(path: Path, bands: Sequence[int]) -> Picture:
    if bands or _needs_rasterio(path):
        try:
            from bench.geo import read_raster
        except ImportError:
            raise UserError(
                f"{path}: GeoTIFFs, 16-bit colours and bands= need rasterio, which is not installed.",
                "pip install 'fianet-bench[geo]'",
            ) from None
        return read_raster(path, bands)
    try:
        with Image.open(path) as image:
            refuse_large(path, image.width, image.height)
            return _from_pillow(path, image)
    except Image.DecompressionBombError as error:
        raise too_large(path, str(error).partition("(")[2].partition(" ")[0]) from None
    except UserError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())}).", "Is the file whole, and an image?"
        ) from error


def refuse_large(path: Path, width: int, height: int) -> None:
    """Raises `UserError` where a picture has more pixels than can be held at once.

    A few bytes can claim any size, and of larger scenes a model that sees them resized finds nothing.
    """
    if width * height > MOST_PIXELS:
        raise too_large(path, f"{width}x{height}")


def too_large(path: Path, size: str) -> UserError:
    """The error for a picture of too many pixels."""
    return UserError(
        f"{path}: {size} pixels are too many, at most {MOST_PIXELS / 1e6:.0f} million are read.",
        "Cut it into tiles.",
    )


def _needs_rasterio(path: Path) -> bool:
    """Whether Pillow would lose something: place, no-data value, bands, or the lower half of 16-bit colours."""
    try:
        with Image.open(path) as image:
            tags = getattr(image, "tag_v2", {})
            stored = [
                tile.args if isinstance(tile.args, str) else str((tile.args or [None])[0])
                for tile in image.tile
            ]
            deep = image.mode in EIGHT_BIT and any("16" in form for form in stored)
            return deep or any(tag in tags for tag in GEO_TAGS)
    except UnidentifiedImageError:
        return path.suffix.lower() in (".tif", ".tiff", ".jp2")
    except Exception:  # damaged: reading it will say so
        return False


def _from_pillow(path: Path, image: Image.Image) -> Picture:
    valid = np.ones((image.height, image.width), bool)
    if image.mode in EIGHT_BIT:
        if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
            valid = np.asarray(image.convert("RGBA"))[..., 3] > 0
        return fill_gaps(Picture(path, np.array(image.convert("RGB")), valid))
    band = np.asarray(image)
    if band.ndim != 2:
        raise ValueError(f"images of mode {image.mode} are not understood")
    valid = np.isfinite(band)
    return fill_gaps(Picture(path, to_eight_bits(np.repeat(band[None], 3, axis=0), valid), valid))


def fill_gaps(picture: Picture) -> Picture:
    """The same picture with the mean colour where there are no data."""
    picture.pixels[~picture.valid] = NO_DATA
    return picture


def to_eight_bits(bands: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Bands (3,H,W) as (H,W,3) uint8: each stretched between the 2nd and 98th percentile of its valid pixels.

    Bands that have 8 bits stay as they are.
    """
    if bands.dtype == np.uint8:
        return np.ascontiguousarray(bands.transpose(1, 2, 0))
    stretched = np.zeros((*valid.shape, 3), np.uint8)
    if valid.any():
        for place, band in enumerate(bands):
            low, high = np.percentile(band[valid], (DARKEST, BRIGHTEST))
            scaled = (band.astype(np.float32) - low) * (255 / max(high - low, 1e-6))
            stretched[..., place] = np.where(valid, scaled.clip(0, 255), 0)
    return stretched
