"""COCO segmentations of every form as compressed run lengths, made of numbers that were looked at first.

pycocotools hands numbers to C as they are: a polygon's point at 2e8, a NaN or a negative run crashes the process or
takes all its memory. Whatever a file says comes to it through here. Imports no torch.
"""

from collections.abc import Sequence
from typing import Any

from bench.storage.rle import MOST_PIXELS, decode
from bench.terminal.errors import DataError

OUTSIDE = 4096  # pixels, or the image's longer side: farther out of the image no point of an outline lies
FARTHEST = 1e15  # numbers beyond are no places, and printed nowhere in full
NO_MASK = "it has no outline"
LONGEST = 2**22  # pixels of one outline: its rasterisation takes some 80 bytes for each
Rle = dict[str, Any]
"""A mask in COCO's compressed run lengths: size (height, width) and counts (bytes)."""


def compressed(segmentation: Any, height: Any, width: Any) -> Rle:
    """An annotation's mask as compressed run lengths. Polygons are clipped to the image.

    Run lengths that are compressed already are passed on as they are: `bench.storage.rle.decode` reads them safely, and
    `checked` does so at once.

    Args:
        segmentation: Polygons, run lengths (compressed or not), or a list of one of these run lengths.
        height: Of the image, for polygons; run lengths have their own.
        width: Likewise.

    Raises:
        DataError: None of these, or numbers that cannot be.
    """
    if isinstance(segmentation, list) and len(segmentation) == 1 and isinstance(segmentation[0], dict):
        segmentation = segmentation[0]
    if isinstance(segmentation, dict):
        return _run_lengths(segmentation)
    if not isinstance(segmentation, list | tuple):
        raise DataError(f"it is {shown(segmentation)}, neither polygons nor run lengths")
    if not segmentation:
        raise DataError(NO_MASK)
    return _polygons(segmentation, image_size(height, width))


def checked(segmentation: Any, height: Any, width: Any) -> Rle:
    """As `compressed`, for those who give the mask to pycocotools: it surely decodes.

    Raises:
        DataError: As `compressed`, or the mask does not decode or is of another size than the image.
    """
    rle = compressed(segmentation, height, width)
    size = image_size(height, width)
    if rle["size"] != [*size]:
        raise DataError(f"its size {rle['size']} is not the image's {[*size]}")
    decode(rle["counts"], size)
    return rle


def image_size(height: Any, width: Any) -> tuple[int, int]:
    """Height and width of an image as whole numbers of which one can be.

    Raises:
        DataError: They are not.
    """
    size = whole(height), whole(width)
    if size[0] is None or size[1] is None or min(size[0], size[1]) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise DataError(
            f"no image is {shown(width)} pixels wide and {shown(height)} high "
            f"(whole numbers from 1, at most {MOST_PIXELS / 1e6:.0f} million pixels)"
        )
    return size[0], size[1]


def whole(value: Any) -> int | None:
    """A whole number, be it written 3 or 3.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if isinstance(value, int) or value.is_integer() else None


def _polygons(segmentation: Sequence[Any], size: tuple[int, int]) -> Rle:
    from pycocotools import mask as coco

    height, width = size
    for polygon in segmentation:
        if not isinstance(polygon, list | tuple) or len(polygon) < 6 or len(polygon) % 2:
            raise DataError("a polygon needs three or more points of two numbers each")
        if odd := [value for value in polygon if not _is_number(value)]:
            raise DataError(f"a polygon has {shown(odd[0])} among its numbers")
        slack = max(OUTSIDE, *size)
        for x, y in zip(polygon[::2], polygon[1::2], strict=True):
            if not (-slack <= x <= width + slack and -slack <= y <= height + slack):
                raise DataError(f"a point ({x:g}, {y:g}) lies far outside the image of {width} x {height}")
        if _length(polygon) > LONGEST:
            raise DataError(f"a polygon's outline is longer than {LONGEST:,} pixels")
    parts = [[float(value) for value in polygon] for polygon in segmentation]
    merged: Rle = coco.merge(coco.frPyObjects(parts, height, width))
    return merged


def _length(polygon: Sequence[float]) -> float:
    """How many pixels the closed outline crosses, about."""
    xs, ys = polygon[::2], polygon[1::2]
    steps = zip(xs, ys, [*xs[1:], xs[0]], [*ys[1:], ys[0]], strict=True)
    return sum(max(abs(x1 - x0), abs(y1 - y0)) for x0, y0, x1, y1 in steps)


def _run_lengths(segmentation: dict[str, Any]) -> Rle:
    """Run lengths, compressed if they were not."""
    sides, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(sides, list | tuple) or len(sides) != 2:
        raise DataError(f"its size is {shown(sides)}, not a height and a width")
    size = image_size(*sides)
    if isinstance(counts, list):
        return _packed(counts, size)
    if not isinstance(counts, str | bytes):
        raise DataError(f"its counts are {shown(counts)}, no run lengths")
    return {
        "size": [*size],
        "counts": counts.encode("utf-8", "replace") if isinstance(counts, str) else counts,
    }


def _packed(counts: Sequence[Any], size: tuple[int, int]) -> Rle:
    from pycocotools import mask as coco

    runs = [whole(count) for count in counts]
    for count, run in zip(counts, runs, strict=True):
        if run is None or run < 0:
            raise DataError(f"{shown(count)} is among its runs, which are whole numbers from 0")
    covered = sum(run for run in runs if run is not None)
    if covered != size[0] * size[1]:
        raise DataError(f"its runs cover {covered} pixels of {size[0] * size[1]}")
    packed: Rle = coco.frPyObjects({"size": [*size], "counts": runs}, *size)
    return packed


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < FARTHEST  # also catches NaN


def shown(value: Any) -> str:
    """A value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 30 else f"{text[:27]}..."
