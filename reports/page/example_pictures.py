"""Small pictures of test expressions: the object large enough to be seen, and outlines as SVG paths upon it."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from PIL import Image

SIDE, WHERE = 200, 96  # pixels: longest side of a picture, and of the whole image beside a crop
SMALL = 0.22  # of the image's longest side: objects below are shown as crops
ROOM, LEAST = (
    3.0,
    0.25,
)  # a crop's side: times the object's, and at least this part of the image's longest side
QUALITY = 68  # of WebP


@dataclass(frozen=True)
class Window:
    """A part of an image, in fractions of its width and height (0..1)."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


def window_on(truth: NDArray[np.bool_]) -> Window:
    """What is shown of an image: all of it, or the surroundings of an object that would be too small to see.

    Args:
        truth: (H,W), the object.
    """
    rows, columns = np.flatnonzero(truth.any(axis=1)), np.flatnonzero(truth.any(axis=0))
    longest = max(truth.shape)
    if not len(rows):
        return Window()
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    if extent >= SMALL * longest:
        return Window()
    side = max(ROOM * extent, LEAST * longest)
    left, width = _around(columns.mean(), side, truth.shape[1])
    top, height = _around(rows.mean(), side, truth.shape[0])
    return Window(left, top, width, height)


def _around(middle: float, side: float, whole: int) -> tuple[float, float]:
    """Start and length of a stretch about a point, moved inside, as fractions of the whole."""
    side = min(side, whole)
    return float(np.clip(middle + 0.5 - side / 2, 0, whole - side)) / whole, side / whole


def thumbnail(image: Image.Image, window: Window, side: int) -> tuple[str, tuple[int, int]]:
    """A part of an image as a data URL (WebP), and its width and height in pixels."""
    box = (
        window.left * image.width,
        window.top * image.height,
        (window.left + window.width) * image.width,
        (window.top + window.height) * image.height,
    )
    scale = side / max(box[2] - box[0], box[3] - box[1])
    size = max(1, round((box[2] - box[0]) * scale)), max(1, round((box[3] - box[1]) * scale))
    small = image.resize(size, Image.Resampling.LANCZOS, box=box)
    return webp(small, QUALITY), size


def webp(image: Image.Image, quality: int) -> str:
    """A data URL; the same image gives the same bytes."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "webp", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def outline(mask: NDArray[np.bool_], window: Window, size: tuple[int, int]) -> str:
    """The borders of a mask as an SVG path in the pixels of a thumbnail; empty where the window shows none.

    Args:
        mask: (H,W), of the whole image at any resolution.
        window: What the thumbnail shows.
        size: Its width and height.
    """
    height, width = mask.shape
    lines = contour_generator(z=np.pad(mask, 1).astype(float)).lines(0.5)
    parts = []
    for line in lines:
        inside = (np.asarray(line) - 0.5) / (width, height) - (window.left, window.top)
        points = np.round(2 * inside / (window.width, window.height) * size) / 2
        if (points.max(axis=0) > 0).all() and (points.min(axis=0) < size).all():
            parts.append("M" + " ".join(f"{x:g},{y:g}" for x, y in _bends(points)) + "Z")
    return "".join(parts)


def _bends(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line without its end, which is its start, and without the points on straight stretches of it."""
    points = points[:-1][np.diff(points, axis=0).any(axis=1)]
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return points[before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]]
