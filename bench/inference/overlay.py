"""The picture that shows a mask: tinted and outlined over its image, the sentence beneath."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

TINT = np.array((255, 40, 90), np.float32)
LINE = (255, 255, 255)
HATCH = (205, 165)  # greys of the stripes where there are no data
PAPER, INK = (32, 32, 32), (245, 245, 245)  # behind and of the sentence
LETTERS = (11, 40)  # least and most height of its letters, in pixels
ROWS = 6  # of the sentence at most


def overlay(pixels: np.ndarray, valid: np.ndarray, mask: np.ndarray, text: str) -> Image.Image:
    """The image with what was found in it.

    Args:
        pixels: (H,W,3) uint8.
        valid: (H,W) bool; grey stripes where there are no data.
        mask: (H,W) bool.
        text: The sentence; it stands in a strip beneath the image, which hides nothing.
    """
    return _captioned(Image.fromarray(overlaid(pixels, valid, mask)), text)


def overlaid(pixels: np.ndarray, valid: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image (H,W,3) uint8 with the mask tinted and outlined; arguments as of `overlay`."""
    height, width = mask.shape
    shown = pixels.copy()
    shown[mask] = (0.5 * shown[mask] + 0.5 * TINT).astype(np.uint8)
    thick = max(1, round(max(height, width) / 500))
    around = ndimage.binary_dilation(mask, np.ones((3, 3), bool), iterations=thick)
    shown[around & ~mask] = LINE  # outside: of what is small, nothing else would be seen
    rows, columns = np.nonzero(~valid)
    stripes = (rows + columns) // (6 * thick) % 2
    shown[rows, columns] = np.array(HATCH, np.uint8)[stripes][:, None]
    return shown


def _captioned(picture: Image.Image, text: str) -> Image.Image:
    size = round(min(max(picture.width / 36, LETTERS[0]), LETTERS[1]))
    font = ImageFont.load_default(size)
    gap, line = size // 2, round(1.3 * size)
    lines = _lines(text, font, picture.width - 2 * gap)
    height = picture.height
    shown = Image.new("RGB", (picture.width, height + line * len(lines) + 2 * gap), PAPER)
    shown.paste(picture)
    pen = ImageDraw.Draw(shown)
    for number, words in enumerate(lines):
        pen.text((gap, height + gap + line * number), words, fill=INK, font=font)
    return shown


def _lines(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """A text broken between words into lines that are no wider than `width` pixels, where words are not."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and font.getlength(longer) > width:
            if len(lines) == ROWS:
                lines[-1] += " …"
                break
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
