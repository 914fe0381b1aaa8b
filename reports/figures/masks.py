"""Masks laid over images, as figures show them."""

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

SIDE = 360  # pixels: longest side of an image in a figure


def sized(pixels: np.ndarray) -> Image.Image:
    """An image (H,W,3) uint8 as large as figures show it."""
    image = Image.fromarray(pixels)
    scale = SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def fit(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask (H,W) bool at the size (width, height) of the image shown."""
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def painted(pixels: np.ndarray, mask: np.ndarray, color: str) -> np.ndarray:
    """The image with a mask laid over it in a colour; what lies outside is dimmed a little."""
    tint = 255 * np.array(to_rgb(color))
    laid = np.where(mask[..., None], 0.4 * pixels + 0.6 * tint, 0.85 * pixels)
    return laid.astype(np.uint8)


def outlined(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with a white line, dark at its outside, around a mask."""
    outlined = pixels.copy()
    line = _grown(mask, 2)
    outlined[_grown(line, 1) & ~mask] = 30
    outlined[line & ~mask] = 255
    return outlined


def _grown(mask: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        padded = np.pad(mask, 1)
        across = padded[1:-1, :-2] | padded[1:-1, 2:]
        mask = mask | across | padded[:-2, 1:-1] | padded[2:, 1:-1]
    return mask
