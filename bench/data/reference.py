"""One sentence and the mask it means, not yet decoded: what every layout is read into. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.images.read import open_image
from bench.storage import rle
from bench.terminal.errors import DataError

SPLITS = ("train", "val", "test")
SHUFFLED = "shuffled"  # the test split, every sentence from another image: how much of a score is language?
SCORED = ("val", "test", SHUFFLED)
UNKNOWN = "unknown"  # category of a reference that names none
Box = tuple[float, float, float, float]


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
        return self.grey() > self.threshold

    def grey(self) -> np.ndarray:
        """The file's grey levels (H,W) uint8. Raises DataError when it cannot be read."""
        return np.asarray(open_image(self.path, "L"))


@dataclass(frozen=True, slots=True)
class LevelMask(FileMask):
    """A mask as an image of two levels or colours, whichever (0 and 1, 0 and 255, a palette's): the brighter one.

    Where an image has more levels, as JPEG makes them, the foreground is brighter than `threshold`.
    """

    def read(self) -> np.ndarray:
        """The mask (H,W) bool. Raises DataError when the file cannot be read, or shows classes rather than a mask."""
        image = open_image(self.path, "L", kept=("P",))
        colours = np.flatnonzero(np.bincount(np.asarray(image).ravel()))
        if image.mode == "P" and len(colours) > 2:
            raise DataError(f"its palette shows {len(colours)} colours: a mask has two", self.path)
        grey = np.asarray(image.convert("L"))
        levels = np.flatnonzero(np.bincount(grey.ravel()))
        if len(levels) <= 2:
            return grey == levels[-1] if levels[-1] else np.zeros(grey.shape, bool)
        if levels[-1] <= self.threshold:
            shown = ", ".join(map(str, levels[:4]))
            raise DataError(f"its grey levels are {shown}, ...: classes? a mask has two levels", self.path)
        return grey > self.threshold


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
    box: Box | None = None
    area: float | None = None
