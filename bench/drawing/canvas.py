"""A supersampled canvas for overhead scenes: the picture, exact object masks, what the ground is made of.

All lengths are in units of 1/SIDE of the picture's side, whatever its size in pixels; x to the right, y down.
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIDE = 76
"""Side of every scene in units."""

Colour = tuple[int, int, int]


class Ground(IntEnum):
    """What a place is made of, so that ships float and vehicles park."""

    land = 0
    water = 1
    road = 2
    paved = 3
    built = 4


class Canvas:
    """Three layers drawn together: the picture, the number of the object seen at each point, the ground."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size = size
        self.sampling = 3 if size <= 192 else 2
        side = size * self.sampling
        self.scale = side / SIDE
        self.rng = rng
        self.picture = Image.new("RGB", (side, side))
        self.labels = Image.new("L", (side, side))
        self._ground = Image.new("L", (SIDE, SIDE))
        self._use(self.picture)

    def _use(self, picture: Image.Image) -> None:
        self.picture = picture
        self._paint = ImageDraw.Draw(self.picture)
        self._label = ImageDraw.Draw(self.labels)
        self._kind = ImageDraw.Draw(self._ground)

    @property
    def ground(self) -> np.ndarray:
        """(SIDE, SIDE) uint8: the `Ground` of each unit square."""
        return np.asarray(self._ground)

    def polygon(
        self, points: np.ndarray, colour: Colour, *, label: int | None = None, ground: Ground | None = None
    ) -> None:
        """Fills a polygon (n, 2) in the picture and, if given, in the labels and the ground."""
        corners = (points * self.scale).ravel().tolist()
        self._paint.polygon(corners, fill=colour)
        if label is not None:
            self._label.polygon(corners, fill=label)
        if ground is not None:
            self._kind.polygon(points.ravel().tolist(), fill=int(ground))

    def line(self, points: np.ndarray, colour: Colour, width: float, *, ground: Ground | None = None) -> None:
        """Draws an open line through points (n, 2)."""
        corners = (points * self.scale).ravel().tolist()
        self._paint.line(corners, fill=colour, width=max(1, round(width * self.scale)), joint="curve")
        if ground is not None:
            self._kind.line(points.ravel().tolist(), fill=int(ground), width=max(1, round(width)))

    def texture(self) -> None:
        """Mottles everything drawn so far; water less."""
        side = self.picture.width
        rough, calm = (_noise(side, contrast)[self.rng.integers(TILES)] for contrast in (34.0, 14.0))
        water = self._ground.point([255 * (kind == Ground.water) for kind in range(256)]).resize((side, side))
        self._use(ImageChops.overlay(self.picture, Image.composite(calm, rough, water)))

    def shadows(self, shapes: Sequence[np.ndarray]) -> None:
        """Darkens the ground under each polygon, softly."""
        layer = Image.new("L", self.picture.size)
        draw = ImageDraw.Draw(layer)
        for points in shapes:
            draw.polygon((points * self.scale).ravel().tolist(), fill=115)
        soft = layer.filter(ImageFilter.BoxBlur(0.35 * self.scale))
        self.picture.paste((12, 16, 28), None, soft)

    def cover(
        self, blobs: Sequence[tuple[np.ndarray, Colour]], full: Sequence[int], most: float = 0.4
    ) -> bool:
        """Draws a tree or cloud above the objects, unless more than `most` of one would be hidden.

        Args:
            blobs: Polygons and their colours, the first the outline of them all.
            full: What `seen` said before anything was covered.
            most: Share of an object that may be hidden in all.

        Returns:
            Whether it was drawn.
        """
        outline = blobs[0][0] * self.scale
        low, high = np.floor(outline.min(0)).astype(int), np.ceil(outline.max(0)).astype(int) + 1
        below = self.labels.crop((*low.tolist(), *high.tolist()))
        if below.getextrema() != (0, 0):
            layer = Image.new("L", below.size)
            ImageDraw.Draw(layer).polygon((outline - low).ravel().tolist(), fill=1)
            left = np.asarray(self.seen()) - below.histogram(layer)
            if (left[1:] < (1 - most) * np.asarray(full)[1:]).any():
                return False
        for points, colour in blobs:
            self.polygon(points, colour, label=0)
        return True

    def seen(self) -> list[int]:
        """How many supersampled points show each label (256 numbers)."""
        return self.labels.histogram()

    def finish(self, objects: int) -> tuple[np.ndarray, np.ndarray]:
        """The picture (size, size, 3) uint8 and the masks (objects, size, size) bool of labels 1, 2, ...

        A pixel belongs to the object that covers at least half of it.
        """
        k = self.sampling
        grain = 3.0 * self.rng.standard_normal((self.size, self.size, 3), np.float32)
        picture = np.clip(np.asarray(self.picture.reduce(k), np.float32) + grain, 0, 255).astype(np.uint8)
        masks = [
            np.asarray(self.labels.point([255 * (value == label) for value in range(256)]).reduce(k)) > 127
            for label in range(1, objects + 1)
        ]
        return picture, np.stack(masks)


TILES = 6


@cache
def _noise(side: int, contrast: float) -> tuple[Image.Image, ...]:
    """Tiles of smooth grey noise around 128, the same in every process."""
    rng = np.random.default_rng(20240607)
    tiles = []
    for _ in range(TILES):
        noise = np.zeros((side, side), np.float32)
        for cells, weight in ((4, 0.4), (12, 0.4), (36, 0.35), (144, 0.3)):
            small = Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32))
            noise += weight * np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))
        grey = np.clip(128 + contrast * noise, 0, 255).astype(np.uint8)
        tiles.append(Image.merge("RGB", [Image.fromarray(grey)] * 3))
    return tuple(tiles)
