"""One sentence and the mask it means, not yet decoded: what every layout is read into. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.images.read import TRANSPARENT, is_see_through, open_image
from bench.storage import rle
from bench.terminal.errors import DataError

SPLITS = ("train", "val", "test")
SHUFFLED = "shuffled"  # the test split, every sentence from another image: how much of a score is language?
SCORED = ("val", "test", SHUFFLED)
UNKNOWN = "unknown"  # category of a reference that names none
DEEP = ("I", "I;16", "I;16B", "F")  # Pillow's modes of more than 8 bits
FEW = 8  # levels of a file of classes, which JPEG's noise exceeds
NOISE = 50  # levels that JPEG lies beside the two of a mask
AREA = 3  # pixels wide: the least area of one level that is no edge
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

    Where an image has more levels, as JPEG and smoothed edges make them, the foreground is brighter than `threshold`.
    """

    def read(self) -> np.ndarray:
        """The mask (H,W) bool. Raises DataError when the file cannot be read, or shows classes rather than a mask."""
        image = open_image(self.path, "L", kept=(*DEEP, *TRANSPARENT, "P"))
        if image.mode == "P" and len(np.unique(np.asarray(image))) > 2:
            colours = len(np.unique(np.asarray(image)))
            raise DataError(f"its palette shows {colours} colours: a mask has two", self.path)
        mask = self._brighter(np.asarray(image if image.mode in DEEP else image.convert("L")))
        if is_see_through(image) and not np.asarray(image.convert("RGBA"))[mask, 3].all():
            raise DataError("its mask is where it is transparent: save it as 0 and 255, opaque", self.path)
        return mask

    def _brighter(self, grey: np.ndarray) -> np.ndarray:
        levels = np.unique(grey)
        if not np.isfinite(levels).all():
            raise DataError("it holds numbers that are not finite", self.path)
        if len(levels) <= 2:
            return grey == levels[-1] if levels[-1] else np.zeros(grey.shape, bool)
        if levels[-1] <= self.threshold or grey.dtype != np.uint8 or _shows_classes(grey, levels):
            shown = ", ".join(f"{level:g}" for level in levels[:4])
            raise DataError(f"its grey levels are {shown}, ...: classes? a mask has two levels", self.path)
        return grey > self.threshold


def _shows_classes(grey: np.ndarray, levels: np.ndarray) -> bool:
    """Whether areas, and not edges alone, have a level between the darkest and the brightest.

    Where there are many levels, those near the two are JPEG's noise.
    """
    from scipy.ndimage import maximum_filter, minimum_filter

    near = NOISE if len(levels) > FEW else 0
    between = (grey > levels[0] + near) & (grey < levels[-1] - near)
    flat = minimum_filter(grey, AREA) == maximum_filter(grey, AREA)
    return bool((between & flat).any())


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
        other_image: In words, of which image the mask is said to be, where that is not this one.
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
    other_image: str = ""
