"""The connected parts of a mask that comes in strips, from the top down: their sizes, places and probabilities."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage, sparse


@dataclass(frozen=True)
class Parts:
    """Connected parts (pixels that share a side), numbered from 1.

    Args:
        pixels: (N,) int64, how many each has.
        probability: (N,) float64, 0..1: the mean over each.
        boxes: (N,4) int64 of x0, y0, x1, y1: columns x0..x1-1, rows y0..y1-1.
        pieces: (P,) int64: which part each piece of a strip belongs to, in the order of the strips.
    """

    pixels: np.ndarray
    probability: np.ndarray
    boxes: np.ndarray
    pieces: np.ndarray

    def __len__(self) -> int:
        return len(self.pixels)

    def mean_probability(self) -> float | None:
        """The mean over all pixels of all parts; None where there is none."""
        total = int(self.pixels.sum())
        return float(self.pixels @ self.probability) / total if total else None

    def only(self, kept: Iterable[int]) -> "Parts":
        """The parts at these positions (from 0), numbered anew in ascending order; of the others nothing is left."""
        places = sorted(kept)
        numbers = np.zeros(len(self) + 1, np.int64)
        numbers[np.array(places, np.int64) + 1] = np.arange(1, len(places) + 1)
        chosen = (self.pixels[places], self.probability[places], self.boxes[places])
        return Parts(*chosen, numbers[self.pieces])

    def labels(self, strips: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The number of each pixel's part, 0 where there is none.

        Args:
            strips: The masks (h,W) bool that the parts were found in.

        Yields:
            (h,W) int32 for each.
        """
        before = 0
        for mask in strips:
            pieces, count = ndimage.label(mask)
            numbers = np.append(0, self.pieces[before : before + count]).astype(np.int32)
            before += count
            yield numbers[pieces]


class PartFinder:
    """Finds the connected parts of a mask while its strips come in."""

    def __init__(self) -> None:
        self._pixels: list[np.ndarray] = []
        self._sums: list[np.ndarray] = []
        self._boxes: list[np.ndarray] = []
        self._joins: list[np.ndarray] = []
        self._last = np.zeros(0, np.int64)  # the piece of each pixel in the last row, from 1
        self._count = self._top = 0

    def add(self, mask: np.ndarray, probability: np.ndarray) -> None:
        """Takes the next strip: mask (h,W) bool and probability (h,W)."""
        pieces, count = ndimage.label(mask)
        numbers = pieces[mask]  # of few pixels, where little was found
        self._pixels.append(np.bincount(numbers, minlength=count + 1)[1:])
        self._sums.append(np.bincount(numbers, probability[mask], count + 1)[1:])
        found = [(x.start, y.start, x.stop, y.stop) for y, x in ndimage.find_objects(pieces)]
        self._boxes.append(np.array(found, np.int64).reshape(-1, 4) + np.array((0, self._top, 0, self._top)))
        first, last = (np.where(row > 0, row + self._count, 0).astype(np.int64) for row in pieces[[0, -1]])
        if self._last.size:
            touching = (self._last > 0) & (first > 0)
            self._joins.append(np.unique(np.stack([self._last, first])[:, touching], axis=1))
        self._last, self._count, self._top = last, self._count + count, self._top + len(mask)

    def parts(self) -> Parts:
        """All parts of the strips so far, numbered by their first pixel's strip."""
        above, below = np.concatenate([np.zeros((2, 0), np.int64), *self._joins], axis=1) - 1
        joins = sparse.coo_array((np.ones(len(above)), (above, below)), (self._count, self._count))
        number, part = (
            sparse.csgraph.connected_components(joins, directed=False) if self._count else (0, above)
        )
        pixels = np.zeros(number, np.int64)
        sums = np.zeros(number)
        boxes = np.tile(np.array([2**62, 2**62, 0, 0]), (number, 1))
        if self._count:
            np.add.at(pixels, part, np.concatenate(self._pixels))
            np.add.at(sums, part, np.concatenate(self._sums))
            every = np.concatenate(self._boxes)
            np.minimum.at(boxes[:, :2], part, every[:, :2])
            np.maximum.at(boxes[:, 2:], part, every[:, 2:])
        return Parts(pixels, sums / np.maximum(pixels, 1), boxes, part.astype(np.int64) + 1)


def find_parts(mask: np.ndarray, probability: np.ndarray) -> Parts:
    """The connected parts of a mask (H,W) bool that is held in memory, with the probability (H,W) of its pixels."""
    finder = PartFinder()
    finder.add(mask, probability)
    return finder.parts()
