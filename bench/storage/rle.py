"""Reads COCO's compressed run-length masks, and refuses those that are not whole.

pycocotools silently decodes counts that stop early into uninitialised memory; a downloaded file must
not do so: masks are read here, and tested against it.
"""

import numpy as np

from bench.terminal.errors import DataError

MOST_PIXELS = 178_956_970  # of a mask: no larger image is read


def runs(counts: bytes) -> np.ndarray:
    """Lengths of the runs in COCO's compressed form (the COCO API's `rleFrString`).

    Each number is written in groups of 5 bits, low group first, as characters from "0"; bit 0x20 says that
    another group follows, bit 0x10 of the last group is the sign. From the fourth number on, each is a
    difference to the number two before it.

    Args:
        counts: The characters.

    Returns:
        (R,) int64 lengths of alternating background and foreground runs, background first.

    Raises:
        DataError: A character outside the alphabet, a number cut off or too large, or a negative run.
    """
    groups = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    if len(groups) == 0:
        raise DataError("the mask's counts are empty")
    if groups.min() < 0 or groups.max() > 0x3F:
        raise DataError("the mask's counts hold characters that are not run lengths")
    last = (groups & 0x20) == 0
    if not last[-1]:
        raise DataError("the mask's counts are cut off")
    ends = np.flatnonzero(last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    place = np.arange(len(groups)) - np.repeat(starts, ends - starts + 1)
    if place.max() > 6:
        raise DataError("the mask's counts hold a run longer than any image")
    numbers = np.add.reduceat((groups & 0x1F) << (5 * place), starts)
    negative = (groups[ends] & 0x10) != 0
    numbers[negative] -= np.int64(1) << (5 * (place[ends] + 1))[negative]
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    if numbers.min() < 0:
        raise DataError("the mask's counts hold a negative run")
    return numbers


def decode(counts: bytes, size: tuple[int, int]) -> np.ndarray:
    """The mask (H,W) bool, from runs that go down the columns.

    Args:
        counts: COCO's compressed run lengths.
        size: Height and width in pixels.

    Raises:
        DataError: The counts cannot be read or do not fill the mask exactly.
    """
    height, width = size
    if height * width > MOST_PIXELS:
        raise DataError(f"the mask's size {height} x {width} is more than any image has")
    lengths = runs(counts)
    if height <= 0 or width <= 0 or lengths.sum() != height * width:
        raise DataError(
            f"the mask's runs cover {lengths.sum()} pixels, its size {height} x {width} has {height * width}"
        )
    values = np.arange(len(lengths)) % 2 == 1
    return np.repeat(values, lengths).reshape(width, height).T
