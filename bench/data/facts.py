"""Opens every image and mask of a set once, and remembers what was found. Imports no torch."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.config.choices import Stretch
from bench.config.schema import DataConfig
from bench.data.fingerprint import fingerprint_index
from bench.data.index import Index
from bench.data.reference import FileMask, MaskSource
from bench.images.read import is_transparent, open_image, pages
from bench.storage import files
from bench.terminal.errors import DataError

VERSION = 3  # of what is stored; raise it when that changes

Progress = Callable[[int, int], None]


class ImageFacts(NamedTuple):
    """What an image file holds, a digest of its pixels, and what is odd of them; or why it cannot be read."""

    height: int = 0
    width: int = 0
    pixels: str = ""
    error: str = ""
    constant: bool = False
    transparent: bool = False
    pages: int = 1


class MaskFacts(NamedTuple):
    """What a mask holds, the pixels set, and their tight box; or why it cannot be read; why it may be empty."""

    height: int = 0
    width: int = 0
    area: int = 0
    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0
    error: str = ""
    hint: str = ""


Facts = list[tuple[ImageFacts, MaskFacts]]
"""Of every reference of a set, in the order of its index."""


def audit_folder(data: DataConfig, content: str) -> Path:
    """Where everything that was found out about one content (a fingerprint) is kept."""
    return Path(data.cache) / "audit" / content


def read_facts(index: Index, data: DataConfig, progress: Progress = lambda done, total: None) -> Facts:
    """Reads every image and mask, in threads; only once for the same content.

    Args:
        index: The set.
        data: `cache` is the folder that remembers.
        progress: Called with files and masks read and in all.
    """
    name = "-".join(["facts", str(VERSION), *choices(data)])
    path = audit_folder(data, fingerprint_index(index, data)) / f"{name}.json"
    if (stored := _stored(path, len(index.references))) is not None:
        return stored
    facts = _measure(index, data, progress)
    files.write_text(path, json.dumps(facts))
    return facts


def _stored(path: Path, count: int) -> Facts | None:
    """What was remembered of so many references; None also where another program broke the file."""
    try:
        facts = [(ImageFacts(*image), MaskFacts(*mask)) for image, mask in files.read_json(path) or []]
    except (TypeError, ValueError):
        return None
    return facts if len(facts) == count else None


def choices(data: DataConfig) -> list[str]:
    """How image files are read, where not as by default: to name what is remembered of them."""
    stretch = [] if data.stretch == Stretch.percentile else [str(data.stretch)]
    return stretch + ([f"bands{'_'.join(map(str, data.bands))}"] if data.bands else [])


def _measure(index: Index, data: DataConfig, progress: Progress) -> Facts:
    images = {reference.image for reference in index.references}
    masks = {reference.mask for reference in index.references}
    done = 0

    def measured(measure: Callable[[Any], Any], items: set[Any]) -> Iterator[tuple[Any, Any]]:
        nonlocal done
        for pair in zip(items, pool.map(measure, items), strict=True):
            done += 1
            progress(done, len(images) + len(masks))
            yield pair

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow and hashing work outside Python's lock
        image_of = dict(measured(lambda path: image_facts(path, data.stretch, data.bands), images))
        mask_of = dict(measured(mask_facts, masks))
    return [(image_of[reference.image], mask_of[reference.mask]) for reference in index.references]


def image_facts(path: Path, stretch: Stretch = Stretch.percentile, bands: Sequence[int] = ()) -> ImageFacts:
    """Decodes a whole image: a header alone does not show that a file is cut off."""
    try:
        image = open_image(path, "RGB", stretch, bands)
    except DataError as error:
        return ImageFacts(error=error.reason)
    digest = hashlib.sha256(image.tobytes()).hexdigest()[:16]
    constant = all(low == high for low, high in np.reshape(image.getextrema(), (-1, 2)))
    # bands that are chosen are read alike by training and prediction, whatever their file calls transparent
    transparent = not bands and is_transparent(path)
    return ImageFacts(
        image.height, image.width, digest, constant=constant, transparent=transparent, pages=pages(path)
    )


def mask_facts(mask: MaskSource) -> MaskFacts:
    """Decodes a mask and measures it."""
    try:
        pixels = mask.read()
    except DataError as error:
        return MaskFacts(error=error.reason)
    if isinstance(mask, FileMask) and (number := pages(mask.path)) > 1:
        return MaskFacts(error=f"holds {number} pictures: which of them is the mask?")
    height, width = pixels.shape
    rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
    if len(rows) == 0:
        return MaskFacts(height, width, hint=_why_empty(mask))
    box = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    return MaskFacts(height, width, int(np.count_nonzero(pixels)), *box)


def _why_empty(mask: MaskSource) -> str:
    """What may be wrong with a mask without a pixel; nothing where all of its file is black."""
    if not isinstance(mask, FileMask):
        return ""
    largest = int(mask.grey().max())
    if largest == 0:
        return ""
    said = f"its largest grey level is {largest}, the foreground must exceed {mask.threshold}"
    return f"{said}: masks of 0 and 1, or of a palette, are saved again as 0 and 255"
