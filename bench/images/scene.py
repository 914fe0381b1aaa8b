"""Images of any size, read window by window."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.images.picture import NO_DATA, Picture, Place


class Window(NamedTuple):
    """A square of a scene, in pixels; it may reach beyond the right and the lower border."""

    top: int
    left: int
    side: int


class Scene(ABC):
    """An image of any size.

    Args:
        path: Its file.
        height: In pixels.
        width: In pixels.
        place: Where it lies on Earth; None: not known.
        notes: What a reader of the result must know, a line each.
    """

    thumbnail: Picture
    """All of it, perhaps in fewer pixels."""

    def __init__(
        self, path: Path, height: int, width: int, place: Place | None, notes: tuple[str, ...]
    ) -> None:
        self.path, self.height, self.width, self.place, self.notes = path, height, width, place, notes

    def fits(self, side: int) -> bool:
        """Whether one window of this side shows all of it."""
        return max(self.height, self.width) <= side

    def read(self, window: Window) -> Picture:
        """The picture (side,side) of a window; there are no data beyond the border.

        Raises:
            UserError: The file is damaged there.
        """
        bottom = min(window.top + window.side, self.height)
        right = min(window.left + window.side, self.width)
        inside = self._inside(window.top, window.left, bottom, right)
        height, width = inside.valid.shape
        if (height, width) == (window.side, window.side):
            return inside
        pixels = np.full((window.side, window.side, 3), NO_DATA, np.uint8)
        valid = np.zeros((window.side, window.side), bool)
        pixels[:height, :width], valid[:height, :width] = inside.pixels, inside.valid
        return Picture(self.path, pixels, valid)

    @abstractmethod
    def _inside(self, top: int, left: int, bottom: int, right: int) -> Picture:
        """The picture of these rows and columns, all of which the scene has."""


class HeldScene(Scene):
    """A picture that is held in memory."""

    def __init__(self, picture: Picture) -> None:
        height, width = picture.valid.shape
        super().__init__(picture.path, height, width, picture.place, picture.notes)
        self.picture = self.thumbnail = picture

    def _inside(self, top: int, left: int, bottom: int, right: int) -> Picture:
        rows, columns = slice(top, bottom), slice(left, right)
        return Picture(self.path, self.picture.pixels[rows, columns], self.picture.valid[rows, columns])
