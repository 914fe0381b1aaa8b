"""Image files as arrays: for training and audit as Pillow images, for prediction as pictures with all they tell.

Both are decoded and turned to 8 bits by the same two functions, `decode` and `eight_bits`. For prediction, GeoTIFFs,
TIFFs that Pillow cannot show as they are, and 16-bit colour are read by `bench.images.raster` (rasterio). Imports no
torch.
"""

import warnings
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.images.picture import Picture, fill_gaps, refuse_large, to_eight_bits, too_large
from bench.terminal.errors import DataError, UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".bmp", ".webp")
NO_FILE = "there is no such file"
EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# scale, tie points, transformation, key directory, GDAL's metadata and no-data value
GEO_TAGS = (33550, 33922, 34264, 34735, 42112, 42113)


class Deep(Enum):
    """How grey levels of more than 8 bits become 8."""

    clip = auto()  # as Pillow converts them, all above 255 white: training and audit
    stretch = auto()  # between two percentiles of the picture, as `to_eight_bits`: prediction


def decode(path: Path, *, refuse_large_ones: bool = False) -> Image.Image:
    """A whole image file, decoded by Pillow: a header alone does not show that a file is cut off.

    Raises:
        UserError: Too many pixels, where those are refused.
        Exception: Nearly any, on damaged files.
    """
    with Image.open(path) as image:
        if refuse_large_ones:
            refuse_large(path, image.width, image.height)
        image.load()
        return image


def eight_bits(
    image: Image.Image, mode: str = "RGB", *, deep: Deep, valid: np.ndarray | None = None
) -> Image.Image:
    """A decoded image in a Pillow mode of 8 bits.

    Args:
        image: In any mode.
        mode: "RGB" or "L"; "RGB" where `deep` stretches.
        deep: What becomes of more than 8 bits.
        valid: (H,W) bool, the pixels that a stretch goes by.

    Raises:
        ValueError: An image to stretch that is not grey.
    """
    if deep is Deep.clip or image.mode in EIGHT_BIT:
        return image.convert(mode)
    band = np.asarray(image)
    if band.ndim != 2:
        raise ValueError(f"images of mode {image.mode} are not understood")
    assert valid is not None
    return Image.fromarray(to_eight_bits(np.repeat(band[None], 3, axis=0), valid))


def open_image(path: Path, mode: str) -> Image.Image:
    """A whole image file in a Pillow mode ("RGB", "L"), as training and audit read it.

    Raises:
        DataError: The file is missing, no image, or cut off.
    """
    try:
        return eight_bits(decode(path), mode, deep=Deep.clip)
    except FileNotFoundError:
        raise DataError(NO_FILE, path) from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise DataError(" ".join(str(error).split()), path) from None


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
    """Reads an image file for prediction.

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
        # Pillow's about damaged tags: if the picture suffers, reading it says so
        warnings.simplefilter("ignore")
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
        image = decode(path, refuse_large_ones=True)
        valid = _valid(image)
        pixels = np.array(eight_bits(image, deep=Deep.stretch, valid=valid))
        return fill_gaps(Picture(path, pixels, valid))
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


def _valid(image: Image.Image) -> np.ndarray:
    """Where a decoded image has data (H,W): not where it is transparent, nor where its numbers are not finite."""
    if image.mode not in EIGHT_BIT:
        numbers = np.asarray(image)
        return np.isfinite(numbers) if numbers.ndim == 2 else np.ones(numbers.shape[:2], bool)
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        return np.asarray(image.convert("RGBA"))[..., 3] > 0
    return np.ones((image.height, image.width), bool)
