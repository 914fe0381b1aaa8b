"""Lays out strips of pictures under their sentences, in inches, so that nothing overlaps or is cut off."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from reports.figures.sheet import GAP, GREY, LINE, SMALL, Sheet, break_up
from reports.figures.style import WIDTH
from reports.statistics.expression_types import marked


@dataclass(frozen=True)
class Strip:
    """One row of the figure: a sentence, why it is here, pictures (H,W,3) uint8 and the text below each.

    The sentence's object and position words are marked.
    """

    sentence: str
    why: str
    panels: Sequence[tuple[np.ndarray, str]]


def lay_out(heads: Sequence[str], strips: Sequence[Strip], foot: str) -> Figure:
    """The figure: headings, then strip by strip, then a line that says how to read it.

    Args:
        heads: Heading of each column of pictures.
        strips: From top to bottom; each has as many pictures as there are headings.
        foot: The line at the bottom.
    """
    side = (WIDTH - GAP * (len(heads) - 1)) / len(heads)
    titles = [_wrapped(head, side, SMALL) for head in heads]
    sentences = [break_up(strip.sentence) for strip in strips]
    heights = [max(side * len(pixels) / len(pixels[0]) for pixels, _ in strip.panels) for strip in strips]
    title_lines = max(len(title) for title in titles)
    total = 0.04 + LINE * (title_lines + 1.8)
    total += sum(
        height + LINE * (len(sentence) + 3.2) for height, sentence in zip(heights, sentences, strict=True)
    )
    sheet = Sheet(total)
    top = total - 0.02
    for place, title in enumerate(titles):
        first = title_lines - len(title)  # headings end on one line
        for down, said in enumerate(title, start=first):
            sheet.text(place * (side + GAP) + side / 2, top - LINE * (down + 0.8), said, ha="center")
    top -= LINE * (title_lines + 0.6)
    for strip, sentence, height in zip(strips, sentences, heights, strict=True):
        spans = marked(strip.sentence)
        for line in sentence:
            sheet.sentence(top - LINE * 0.8, strip.sentence, line, spans)
            top -= LINE
        sheet.text(0, top - LINE * 0.8, strip.why, color=GREY)
        top -= LINE * 1.3 + height
        for place, (pixels, below) in enumerate(strip.panels):
            left = place * (side + GAP)
            sheet.axis(left, top, side, height).imshow(pixels)
            sheet.text(left + side / 2, top - 0.02 - LINE * 0.8, below, ha="center")
        top -= LINE * 1.9
    sheet.text(0, top - LINE * 0.8, foot, color=GREY)
    sheet.key(top - LINE * 0.8)
    return sheet.figure


def _wrapped(words: str, inches: float, points: float) -> list[str]:
    """At most three lines that fit; the font's letters are about 0.57 of its size wide."""
    width = max(6, int(inches * 72 / (0.57 * points)))
    return textwrap.wrap(words, width, max_lines=3, placeholder=" …") or [""]
