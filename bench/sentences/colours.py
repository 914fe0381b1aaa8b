"""Names the colour of an object from its pixels, or refuses to."""

import numpy as np

SHARE = 0.6
"""Least share of an object's pixels that must have the colour."""
HUES = (
    (14, "red"),
    (42, "orange"),
    (68, "yellow"),
    (160, "green"),
    (195, "cyan"),
    (255, "blue"),
    (320, "purple"),
    (360, "red"),
)


def colour_name(pixels: np.ndarray) -> str | None:
    """The colour word for pixels (n, 3) uint8 RGB, one of RRSIS-D's words; None where no colour clearly
    prevails.

    Valid for pictures in natural colours: on colour-infrared ones the words would be wrong.
    """
    rgb = pixels.astype(np.float32)
    high, low = rgb.max(1), rgb.min(1)
    chroma = high - low
    saturation = chroma / np.maximum(high, 1)
    names = np.full(len(rgb), "", dtype="<U6")
    grey = saturation < 0.15
    names[grey & (high > 90) & (high < 185)] = "gray"
    names[grey & (high > 210)] = "white"
    names[high < 55] = "black"
    vivid = (saturation > 0.3) & (high >= 70)
    names[vivid] = np.array([name for _, name in HUES])[
        np.searchsorted([h for h, _ in HUES], _hue(rgb, high, chroma)[vivid])
    ]
    words, counts = np.unique(names, return_counts=True)
    most = int(counts.argmax())
    return str(words[most]) if words[most] and counts[most] >= SHARE * len(rgb) else None


def _hue(rgb: np.ndarray, high: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Hue in degrees, 0 up to 360."""
    r, g, b = rgb.T
    c = np.maximum(chroma, 1)
    sector = np.where(high == r, ((g - b) / c) % 6, np.where(high == g, (b - r) / c + 2, (r - g) / c + 4))
    return np.minimum(60 * sector, 359.9)
