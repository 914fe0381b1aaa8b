"""Lays out strips of pictures under their sentences, in inches, so that nothing overlaps or is cut off."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from reports.style import WIDTH

GAP = 0.05  # inches between pictures
LINE = 0.135  # inches a line of text takes
SENTENCE, SMALL = 7.5, 6.5  # points
GREY = "#666666"


@dataclass(frozen=True)
class Strip:
    """One row of the figure: a sentence, why it is here, pictures (H,W,3) uint8 and the text below each."""

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
    sentences = [_wrapped(strip.sentence, WIDTH, SENTENCE) for strip in strips]
    heights = [max(side * len(pixels) / len(pixels[0]) for pixels, _ in strip.panels) for strip in strips]
    title_lines = max(len(title) for title in titles)
    total = 0.04 + LINE * (title_lines + 1.8)
    total += sum(
        height + LINE * (len(sentence) + 3.2) for height, sentence in zip(heights, sentences, strict=True)
    )
    figure = Figure(figsize=(WIDTH, total))

    def text(x: float, top: float, lines: list[str], size: float, **style: Any) -> None:
        for place, line in enumerate(lines):
            y = top - LINE * (place + 0.8)
            figure.text(x / WIDTH, y / total, line, fontsize=size, va="baseline", **style)

    top = total - 0.02
    for place, title in enumerate(titles):
        first = top - LINE * (title_lines - len(title))  # headings end on one line
        text(place * (side + GAP) + side / 2, first, title, SMALL, ha="center")
    top -= LINE * (title_lines + 0.6)
    for strip, sentence, height in zip(strips, sentences, heights, strict=True):
        text(0, top, sentence, SENTENCE)
        top -= LINE * len(sentence)
        text(0, top, [strip.why], SMALL, color=GREY)
        top -= LINE * 1.3 + height
        for place, (pixels, below) in enumerate(strip.panels):
            left = place * (side + GAP)
            axis = figure.add_axes((left / WIDTH, top / total, side / WIDTH, height / total))
            axis.imshow(pixels)
            axis.set_axis_off()
            text(left + side / 2, top - 0.02, [below], SMALL, ha="center")
        top -= LINE * 1.9
    text(0, top, [foot], SMALL, color=GREY)
    return figure


def _wrapped(words: str, inches: float, points: float) -> list[str]:
    """At most three lines that fit; the font's letters are about 0.57 of its size wide."""
    width = max(6, int(inches * 72 / (0.57 * points)))
    return textwrap.wrap(words, width, max_lines=3, placeholder=" …") or [""]
