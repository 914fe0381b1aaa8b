"""Resized images, decoded each time or kept in one memory-mapped file. Imports no torch."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import __version__ as pillow

from bench.config.choices import Stretch
from bench.config.schema import DataConfig
from bench.data.facts import choices
from bench.data.fingerprint import content_hashes
from bench.images.resize import read_resized
from bench.storage import files

ImageReader = Callable[[Path], np.ndarray]


class DirectReader:
    """Decodes and resizes an image each time it is asked for."""

    def __init__(self, size: int, stretch: Stretch = Stretch.percentile, bands: Sequence[int] = ()) -> None:
        self.size, self.stretch, self.bands = size, stretch, tuple(bands)

    def __call__(self, path: Path) -> np.ndarray:
        """The image (3,S,S) uint8. Raises DataError when it cannot be read."""
        return read_resized(path, self.size, self.stretch, self.bands)


class MappedReader:
    """Reads resized images from one memory-mapped file; goes to worker processes as a path, not as pixels."""

    def __init__(self, file: Path, rows: Mapping[Path, int]) -> None:
        self.file, self.rows = file, rows
        self.pixels = np.load(file, mmap_mode="r")

    def __call__(self, path: Path) -> np.ndarray:
        """The image (3,S,S) uint8."""
        return np.array(self.pixels[self.rows[path]])

    def __reduce__(self) -> tuple[type["MappedReader"], tuple[Path, Mapping[Path, int]]]:
        return MappedReader, (self.file, self.rows)


def image_reader(paths: Iterable[Path], size: int, data: DataConfig) -> ImageReader:
    """A reader of these images at `size`, from a cache on disk when they are small enough together.

    The cache is keyed by the images' content and the size. Whoever asks first builds it; it appears whole or
    not at all, so several processes may ask at once.

    Args:
        paths: Every image that will be read.
        size: Side in pixels.
        data: `cache` is the folder, `cache_mb` the largest file in it (0: never).

    Raises:
        DataError: An image cannot be read while the cache is built.
    """
    unique = sorted(set(paths))
    direct = DirectReader(size, data.stretch, data.bands)
    if len(unique) * 3 * size * size > data.cache_mb * 2**20:
        return direct
    hashes = content_hashes(unique, data)
    contents = sorted(set(hashes.values()))
    key = hashlib.sha256("\n".join([pillow, *choices(data), *contents]).encode()).hexdigest()[:16]
    folder = Path(data.cache) / "images"
    file = folder / f"{key}-{size}.npy"
    if not file.exists():
        with files.locked(folder / f"{key}-{size}.lock"):
            if not file.exists():
                sources = {hashes[path]: path for path in unique}
                _build(file, [sources[content] for content in contents], direct)
    places = {content: row for row, content in enumerate(contents)}
    return MappedReader(file, {path: places[hashes[path]] for path in unique})


def _build(file: Path, paths: list[Path], read: DirectReader) -> None:
    """Writes the resized images (N,3,S,S) beside `file`, then renames."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        pixels = np.lib.format.open_memmap(temporary, "w+", np.uint8, (len(paths), 3, read.size, read.size))

        def fill(row: int) -> None:
            pixels[row] = read(paths[row])

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow works outside Python's lock
            for _ in pool.map(fill, range(len(paths))):
                pass
        pixels.flush()
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    files.sync_folder(file.parent)
