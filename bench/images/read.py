"""Image files as arrays: for training and audit as Pillow images, for prediction as pictures with all they tell.

Images of more than 8 bits become 8 by one rule, `data.stretch`, for both. Those that viewers turn (EXIF) are refused
where masks belong to them, as nobody can say to which pixels, and turned for prediction. GeoTIFFs, TIFFs that Pillow
cannot show as they are, and 16-bit colour are read by `bench.images.raster` (rasterio). Imports no torch.
"""

import logging
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from bench.config.choices import Stretch
from bench.images.memory import free_memory
from bench.images.picture import AS_TIFF, Picture, fill_gaps, refuse_large, to_eight_bits, too_large
from bench.images.scene import HeldScene, Scene
from bench.terminal.errors import DataError, UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".jp2", ".bmp", ".webp")
TRANSPARENT = ("LA", "PA", "RGBA")
NO_FILE = "there is no such file"
LFS = b"version https://git-lfs"
TURNED = "viewers turn it by its EXIF orientation"
CONSTANT = "has one colour all over: nothing can be seen in it"
ORIENTATION = 0x0112  # EXIF's tag
NEW_SUBFILE_TYPE = 254  # TIFF's tag
EIGHT_BIT = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")
# scale, tie points, transformation, key directory, GDAL's metadata and no-data value
GEO_TAGS = (33550, 33922, 34264, 34735, 42112, 42113)

WINDOWED = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0c")  # how TIFF and JPEG 2000 begin
HELD = 50_000_000  # pixels up to which any image is held in memory
BYTES_A_PIXEL = 24  # of a picture, its probabilities and its files while they are made

# what Pillow warns of and logs beside its errors: if a picture suffers, reading it says so
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())


def decode(path: Path, *, refuse_large_ones: bool = False) -> tuple[Image.Image, int]:
    """A whole image file, decoded by Pillow (a header alone does not show that a file is cut off); its orientation.

    Raises:
        UserError: Too many pixels, where those are refused.
        Exception: Nearly any, on damaged files.
    """
    with Image.open(path) as image:
        if refuse_large_ones:
            refuse_large(path, image.width, image.height)
        turned = orientation(image)
        image.load()
        return image, turned


def orientation(image: Image.Image) -> int:
    """How viewers turn an opened image by its EXIF data; 1: not at all."""
    try:
        said = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged data about the image; the image is read all the same
        return 1
    return said if said in range(2, 9) else 1


def no_image(path: Path) -> str:
    """What a file is that no reader knows, in words."""
    with path.open("rb") as file:
        start = file.read(len(LFS))
    if not start:
        return "the file is empty"
    if start == LFS:
        return "is a pointer of Git LFS in place of the image; `git lfs pull` fetches it"
    return "is no image that can be read"


def require_file(path: Path) -> None:
    """Raises DataError where a path is no file: a pipe, say, would be waited for."""
    if not os.path.isfile(path):  # unlike pathlib, it answers for any name
        raise DataError("is a folder" if os.path.isdir(path) else NO_FILE, path)


def pages(path: Path) -> int:
    """How many pictures of one size an image file holds, as frames or pages; previews and masks are none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                number, size = getattr(image, "n_frames", 1), image.size
                if number > 1:
                    image.seek(1)
                    smaller_or_mask = getattr(image, "tag_v2", {}).get(NEW_SUBFILE_TYPE, 0) & 0b101
                    return 1 if image.size != size or smaller_or_mask else number
    except Exception:  # unreadable: others say so
        pass
    return 1


def is_deep(path: Path) -> bool:
    """Whether an image file says that it has more than 8 bits a band, so that `data.stretch` changes it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return _deep(image)
    except Exception:  # no image, or one that Pillow does not know
        return False


def _deep(image: ImageFile.ImageFile) -> bool:
    return image.mode not in EIGHT_BIT or _deep_colour(image)


def _deep_colour(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow would drop the lower half of 16-bit colours. (BGR;16 are all bits of a pixel, in old BMPs.)"""
    stored = [
        tile.args if isinstance(tile.args, str) else str((tile.args or [None])[0]) for tile in image.tile
    ]
    return image.mode in EIGHT_BIT and any("16" in form and "BGR" not in form for form in stored)


def is_see_through(image: Image.Image) -> bool:
    """Whether an opened image can have transparent pixels."""
    return "transparency" in image.info or image.mode in TRANSPARENT


def is_transparent(path: Path) -> bool:
    """Whether an image has transparent pixels: prediction reads nothing there, training the colours beneath."""
    try:
        with Image.open(path) as image:
            return is_see_through(image) and not _valid(image).all()
    except Exception:  # unreadable: others say so
        return False


def open_image(
    path: Path,
    mode: str,
    stretch: Stretch = Stretch.percentile,
    bands: Sequence[int] = (),
    kept: Sequence[str] = (),
) -> Image.Image:
    """A whole image file in a Pillow mode ("RGB", "L"), as training and audit read it.

    Images of 8 bits stay as they are; deeper ones in "RGB", and those whose bands are chosen, are read as prediction
    reads them.

    Args:
        path: The file.
        mode: What it is turned into.
        stretch: As `read_picture`; for "RGB".
        bands: As `read_picture`; for "RGB".
        kept: Modes of files that are not turned.

    Raises:
        DataError: The file is missing, no image, cut off, lacks bands, or would be turned by viewers.
    """
    require_file(path)
    try:
        turned = 1
        try:
            with Image.open(path) as image:
                # before the orientation is read, which reads a PNG to its end
                deep = mode == "RGB" and (bool(bands) or _deep(image))
                turned = orientation(image)
                if turned == 1 and not deep:
                    image.load()
                    return image.convert(image.mode if image.mode in kept else mode)
        except UnidentifiedImageError:
            if mode != "RGB" or not _needs_rasterio(path):
                raise DataError(no_image(path), path) from None
        if turned == 1:
            return Image.fromarray(read_picture(path, bands, stretch).pixels)
    except UserError as error:
        raise DataError(error.what.removeprefix(f"{path}: ").rstrip("."), path) from None
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise DataError(" ".join(str(error).split()), path) from None
    raise DataError(f"{TURNED} {turned}: masks may belong to its pixels as stored or as shown", path)


def header_size(path: Path) -> tuple[int, int]:
    """Height and width that an image file says it has; nothing else of it is read.

    Raises:
        DataError: It is missing, or no image.
    """
    require_file(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.height, image.width
    except UnidentifiedImageError:
        if not _needs_rasterio(path):
            raise DataError(no_image(path), path) from None
    except Exception as error:  # Pillow's readers raise nearly anything on damaged files
        raise DataError(" ".join(str(error).split()), path) from None
    try:
        height, width = _rasters(path).raster_size(path)
    except UserError as error:
        raise DataError(error.what.removeprefix(f"{path}: ").rstrip("."), path) from None
    return height, width


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


def read_picture(path: Path, bands: Sequence[int] = (), stretch: Stretch = Stretch.percentile) -> Picture:
    """Reads an image file for prediction.

    Args:
        path: The file.
        bands: Which bands are red, green and blue (or the one that is grey), from 1; empty: what the file says.
        stretch: How more than 8 bits become 8.

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
        picture = _read(path, bands, stretch)
    return replace(picture, notes=(*picture.notes, *_of_several(path)))


def _of_several(path: Path) -> list[str]:
    number = pages(path)
    return [f"holds {number} pictures, of which the first is read"] if number > 1 else []


@contextmanager
def open_scene(
    path: Path, bands: Sequence[int] = (), stretch: Stretch = Stretch.percentile
) -> Iterator[Scene]:
    """An image of any size, to be read window by window.

    TIFF and JPEG 2000 of more than `HELD` pixels stay on their disk (extra [geo]); others are held in memory.

    Args:
        path: The file.
        bands: As `read_picture`.
        stretch: As `read_picture`.

    Raises:
        UserError: As `read_picture`, or there is not the memory to hold it.
    """
    if path.is_file() and _can_stay(path) and math.prod(_rasters(path).raster_size(path)) > HELD:
        with _rasters(path).opened_scene(path, bands, stretch) as scene:
            scene.notes = (*scene.notes, *_of_several(path))
            yield scene
        return
    if path.is_file():
        _refuse_beyond_memory(path)
    yield HeldScene(read_picture(path, bands, stretch))


def _can_stay(path: Path) -> bool:
    """Whether parts of a file can be read, and rasterio is there to do so."""
    with path.open("rb") as file:
        kind = file.read(4)
    return kind in WINDOWED and find_spec("rasterio") is not None and not _is_turned(path)


def _is_turned(path: Path) -> bool:
    """Whether viewers turn a TIFF of any size, which windows of its rows and columns do not show."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with TiffImageFile(path) as image:
                return orientation(image) != 1
    except Exception:  # no TIFF, or one that Pillow does not know
        return False


def _refuse_beyond_memory(path: Path) -> None:
    """Raises `UserError` where a picture and what is found in it take more memory than is free."""
    try:
        height, width = header_size(path)
    except DataError:  # unreadable, or larger than any that is read: reading it says so
        return
    needed, free = height * width * BYTES_A_PIXEL, free_memory()
    if free is not None and needed > free:
        raise UserError(
            f"{path}: {width}x{height} pixels take {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free.",
            AS_TIFF,
        )


def _read(path: Path, bands: Sequence[int], stretch: Stretch) -> Picture:
    if bands or _needs_rasterio(path):
        return _rasters(path).read_raster(path, bands, stretch)
    try:
        image, turned = decode(path, refuse_large_ones=True)
        notes = []
        if turned != 1:
            image = ImageOps.exif_transpose(image)  # Pillow turns TIFFs itself, and then this does nothing
            notes.append(
                f"was turned as its EXIF orientation {turned} says: its files lie on the image as shown"
            )
        valid = _valid(image)
        if not valid.all():
            notes.append(
                f"{1 - valid.mean():.0%} of its pixels hold no data or are transparent: nothing is found there"
            )
        pixels = _eight_bits(image, valid, stretch)
        if valid.any() and (pixels[valid] == pixels[valid][0]).all():
            notes.append(CONSTANT)
        return fill_gaps(Picture(path, pixels, valid, notes=tuple(notes)))
    except Image.DecompressionBombError as error:
        raise too_large(path, str(error).partition("(")[2].partition(" ")[0]) from None
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"{path}: {no_image(path)}.", "Is the file whole, and an image?") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise UserError(
            f"{path}: cannot be read ({' '.join(str(error).split())}).", "Is the file whole, and an image?"
        ) from error


def _rasters(path: Path) -> ModuleType:
    """`bench.images.raster`, which needs an extra."""
    try:
        return import_module("bench.images.raster")
    except ImportError:
        raise UserError(
            f"{path}: GeoTIFFs, 16-bit colours and bands= need rasterio, which is not installed.",
            "pip install 'fianet-bench[geo]'",
        ) from None


def _eight_bits(image: Image.Image, valid: np.ndarray, stretch: Stretch) -> np.ndarray:
    """A decoded image as (H,W,3) uint8."""
    if image.mode in EIGHT_BIT:
        return np.array(image.convert("RGB"))
    band = np.asarray(image)
    if band.ndim != 2:
        raise ValueError(f"images of mode {image.mode} are not understood")
    return to_eight_bits(np.repeat(band[None], 3, axis=0), valid, stretch)


def _needs_rasterio(path: Path) -> bool:
    """Whether Pillow would lose something: place, no-data value, bands, or the lower half of 16-bit colours."""
    try:
        with Image.open(path) as image:
            tags = getattr(image, "tag_v2", {})
            return _deep_colour(image) or any(tag in tags for tag in GEO_TAGS)
    except UnidentifiedImageError:
        return path.suffix.lower() in (".tif", ".tiff", ".jp2")
    except Exception:  # damaged: reading it will say so
        return False


def _valid(image: Image.Image) -> np.ndarray:
    """Where a decoded image has data (H,W): not where it is transparent, nor where its numbers are not finite."""
    if image.mode not in EIGHT_BIT:
        numbers = np.asarray(image)
        return np.isfinite(numbers) if numbers.ndim == 2 else np.ones(numbers.shape[:2], bool)
    if is_see_through(image):
        return np.asarray(image.convert("RGBA"))[..., 3] > 0
    return np.ones((image.height, image.width), bool)
