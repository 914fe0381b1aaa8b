"""Sentences and what they mean on one sheet, to be judged by eye. Imports no torch."""

import textwrap
from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from bench.data.reference import Reference
from bench.images.read import open_image

WIDTH = 1600
COLUMNS = 4
GAP = 12
PICTURE = ((WIDTH - GAP) // COLUMNS - GAP, 300)
"""Most width and height of a picture on the sheet."""
LETTERS, LINE = 17, 21
"""Size of the letters and distance of the lines, in pixels."""
CHARACTERS = 44
"""Most characters of a line: what fits under a picture."""
INNER, OUTER = (255, 230, 0), (0, 0, 0)
"""Colours of the outline: one of them is seen on any ground."""


def draw_references(references: Sequence[Reference], count: int, seed: int) -> list[Reference]:
    """`count` of the references (or all, if they are fewer), drawn without repetition, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(references))[:count]
    return [references[place] for place in sorted(chosen)]


def contact_sheet(references: Sequence[Reference]) -> Image.Image:
    """One tile a reference: the picture, its mask in a thin outline, then number, sentence and image.

    Raises:
        DataError: An image or a mask cannot be read.
    """
    tiles = [_tile(number, reference) for number, reference in enumerate(references, 1)]
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    sheet = Image.new("RGB", (WIDTH, GAP + sum(max(t.height for t in row) + GAP for row in rows)), "white")
    top = GAP
    for row in rows:
        for column, tile in enumerate(row):
            sheet.paste(tile, (GAP + column * (PICTURE[0] + GAP), top))
        top += max(tile.height for tile in row) + GAP
    return sheet


def _tile(number: int, reference: Reference) -> Image.Image:
    picture = _outlined(open_image(reference.image, "RGB"), reference.mask.read())
    lines = [*textwrap.wrap(f"{number}. {reference.sentence}", CHARACTERS), reference.image.name]
    tile = Image.new("RGB", (PICTURE[0], picture.height + LINE * len(lines) + 4), "white")
    tile.paste(picture)
    pen = ImageDraw.Draw(tile)
    for place, line in enumerate(lines):
        colour = "gray" if place == len(lines) - 1 else "black"
        pen.text((0, picture.height + 4 + LINE * place), line, fill=colour, font=_letters())
    return tile


def _outlined(picture: Image.Image, mask: np.ndarray) -> Image.Image:
    """The picture at the sheet's size, a line drawn just outside the mask: it hides nothing that is meant."""
    factor = min(PICTURE[0] / picture.width, PICTURE[1] / picture.height)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    small = picture.resize(size, Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.NEAREST)
    share = Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).resize(size, Image.Resampling.BOX)
    inside = Image.fromarray((np.asarray(share) > 0).astype(np.uint8))
    near, far = inside.filter(ImageFilter.MaxFilter(3)), inside.filter(ImageFilter.MaxFilter(5))
    pixels = np.array(small)
    pixels[np.asarray(far) > np.asarray(near)] = OUTER
    pixels[np.asarray(near) > np.asarray(inside)] = INNER
    return Image.fromarray(pixels)


@cache
def _letters() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(LETTERS)
