"""Image files of any kind as pictures.

GeoTIFFs, TIFFs that Pillow cannot show as they are, and 16-bit colour are read by `bench.images.raster` (rasterio), the
rest by Pillow, exactly as in training. Imports no torch.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.images.picture import Picture, fill_gaps, refuse_large, to_eight_bits, too_large
from bench.terminal.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".bmp", ".webp")
EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# scale, tie points, transformation, key directory, GDAL's metadata and no-data value
GEO_TAGS = (33550, 33922, 34264, 34735, 42112, 42113)


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
            from bench.images.raster import read_raster
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
