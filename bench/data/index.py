"""What a referring data set holds: one `Reference` per sentence, masks not yet decoded. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.config import DataConfig, Layout
from bench.data import rle
from bench.data.images import open_image
from bench.errors import DataError, UserError

SPLITS = ("train", "val", "test")
UNKNOWN = "unknown"  # category of a reference that names none


@dataclass(frozen=True, slots=True)
class RleMask:
    """A mask as COCO's compressed run lengths; `size` is (height, width)."""

    size: tuple[int, int]
    counts: bytes

    def read(self) -> np.ndarray:
        """The mask (H,W) bool. Raises DataError when the counts cannot be decoded."""
        return rle.decode(self.counts, self.size)


@dataclass(frozen=True, slots=True)
class FileMask:
    """A mask as a grey image; the foreground is brighter than `threshold` (0..255)."""

    path: Path
    threshold: int = 50

    def read(self) -> np.ndarray:
        """The mask (H,W) bool. Raises DataError when the file cannot be read."""
        return np.asarray(open_image(self.path, "L")) > self.threshold


@dataclass(frozen=True, slots=True)
class NoMask:
    """A mask that the set's files promise and do not hold."""

    reason: str

    def read(self) -> np.ndarray:
        """Raises DataError with the reason."""
        raise DataError(self.reason)


MaskSource = RleMask | FileMask | NoMask


@dataclass(frozen=True, slots=True)
class Reference:
    """One sentence and the mask it means.

    Attributes:
        ref_id: Unique in the set.
        image_id: The image's name without its ending.
        image: The image file.
        sentence: As published.
        category: Class of the referent, or `unknown`.
        split: train, val or test.
        mask: Decodes with `mask.read()`.
        box: x0, y0, x1, y1 in pixels, as published; None where the layout has none.
        area: Pixels of the mask as published (wrong in all of RRSIS-D); None where the layout has none.
    """

    ref_id: int
    image_id: str
    image: Path
    sentence: str
    category: str
    split: str
    mask: MaskSource
    box: tuple[float, float, float, float] | None = None
    area: float | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """A whole data set, references in the order of its files.

    `files` are the lists that were read (not the images and masks): what they say is in `references`.
    """

    name: str
    references: tuple[Reference, ...]
    categories: tuple[str, ...]
    files: tuple[Path, ...]

    def split(self, name: str) -> tuple[Reference, ...]:
        """The references of `train`, `val` or `test`."""
        return tuple(reference for reference in self.references if reference.split == name)


Content = tuple[tuple[Reference, ...], tuple[str, ...], tuple[Path, ...]]


def read_index(data: DataConfig) -> Index:
    """Reads the lists of a data set; a set the project draws itself is drawn first if need be.

    Args:
        data: Layout and root of the set.

    Raises:
        UserError: No such folder, or a list that is missing or not of the layout; names file and entry.
    """
    from bench.data.refsegrs import read_refsegrs
    from bench.data.rrsisd import read_rrsisd

    readers: dict[Layout, Callable[[Path], Content]] = {
        Layout.rrsisd: read_rrsisd,
        Layout.refsegrs: read_refsegrs,
    }
    if data.synthetic is not None:
        from bench.data.synthetic import ensure

        ensure(data)
    root = Path(data.root).expanduser()
    if not root.is_dir():
        raise UserError(
            f"data.root={data.root}: there is no such folder.",
            "Pass data.root=DIR where the set lies, or make one: `python -m bench.refer coco= images= out=`.",
        )
    references, categories, files = readers[Layout(data.layout)](root)
    if not references:
        raise UserError(f"{files[0]}: lists no references.", "Pass data.root=DIR of a complete set.")
    return Index(data.name, references, categories, files)
