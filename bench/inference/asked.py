"""What a prediction is asked for beside its model, images and sentences. Imports no torch."""

from dataclasses import dataclass
from enum import StrEnum

from bench.images.scene import Scene
from bench.terminal.errors import UserError

LEAST_SIDE, MOST_SIDE = 16, 8192
"""Sides of a window, in pixels of the image: less shows nothing, more does not fit into memory."""
SHRUNK = 4.0
"""From which factor on it is worth saying that an image was shrunk to the model's size."""


class Position(StrEnum):
    """In what the places of a sentence ("at the top") are looked for where an image is read in windows."""

    window = "window"  # the model reads the whole sentence in every window
    scene = "scene"  # it reads the sentence without its place, which then chooses among all that was found


class VectorFormat(StrEnum):
    """Files of outlines."""

    geojson = "geojson"
    gpkg = "gpkg"


@dataclass(frozen=True)
class Outlines:
    """How outlines are written.

    Args:
        format: Of their file.
        simplify: By how many pixels at most an outline may leave the border of its pixels.
    """

    format: VectorFormat = VectorFormat.geojson
    simplify: float = 0.0


@dataclass(frozen=True)
class Tiling:
    """How an image that is larger than one window is read.

    Args:
        side: Of the windows, in pixels of the image; None: as follows from the scale.
        overlap: Share of a window that its neighbour covers too, at least.
        scale: The factor by which the model sees the image; None: 1, or as follows from the resolution.
        resolution: Metres a pixel of the images that the model was trained on; None: not said.
        position: Where the places of a sentence are looked for.
    """

    side: int | None = None
    overlap: float = 0.25
    scale: float | None = None
    resolution: float | None = None
    position: Position = Position.scene

    def window(self, size: int, scene: Scene) -> int:
        """Side of the windows of a scene, in its pixels.

        Args:
            size: Side of the squares that the model reads.
            scene: The image.

        Raises:
            UserError: The image does not say how large its pixels are, or windows would be too small or too large.
        """
        if self.side is not None:
            return self.side
        scale = self.scale or 1.0
        if self.resolution is not None:
            from bench.inference.ground import resolution

            scale = resolution(scene) / self.resolution
        side = round(size / scale)
        if not LEAST_SIDE <= side <= MOST_SIDE:
            asked = f"scale={scale:.4g}" if self.resolution is None else f"resolution={self.resolution:g}"
            raise UserError(
                f"{scene.path}: {asked} makes windows of {side} pixels; they have {LEAST_SIDE} to {MOST_SIDE}.",
                f"At scale=1 the model reads windows of {size} pixels; resample the image for less.",
            )
        return side


def shrunk(longest: int, size: int) -> str | None:
    """A note on an image whose longest side is many times the model's and that is read at once; else None."""
    factor = longest / size
    if factor <= SHRUNK:
        return None
    small = f"was shrunk {factor:.0f} times, to the model's {size} pixels: small objects vanish"
    return f"{small}; tile=auto reads it in windows"
