"""Lays out strips of pictures under their sentences, in inches, so that nothing overlaps or is cut off."""

import itertools
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from reports.expressions import marked
from reports.style import MARKS, WIDTH

GAP = 0.05  # inches between pictures
LINE = 0.135  # inches a line of text takes
SENTENCE, SMALL = 7.5, 6.5  # points
GREY = "#666666"


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
    sentences = [_measured(strip.sentence, WIDTH, SENTENCE) for strip in strips]
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
        spans = marked(strip.sentence)
        for line in sentence:
            top -= LINE
            for left, width, piece, kind in _pieces(strip.sentence, line, spans):
                text(left, top + LINE, [piece], SENTENCE)
                if kind is not None:
                    corner = left / WIDTH, (top - 0.02) / total
                    size = width / WIDTH, (LINE + 0.005) / total
                    figure.add_artist(Rectangle(corner, *size, color=MARKS[kind], linewidth=0, zorder=-1))
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
    right = WIDTH - 0.06  # letters are drawn a little wider where pixels are few
    for kind, name in reversed(list(enumerate(("object words", "position words")))):
        width = _inches(name, SMALL)
        right -= width
        text(right, top, [name], SMALL)
        corner = right / WIDTH, (top - LINE - 0.01) / total
        figure.add_artist(
            Rectangle(corner, width / WIDTH, LINE / total, color=MARKS[kind], linewidth=0, zorder=-1)
        )
        right -= 0.1
    return figure


def _inches(words: str, points: float) -> float:
    """How wide a text is drawn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        font = FontProperties(family="DejaVu Sans", size=points)
        return float(text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]) / 72


def _measured(words: str, inches: float, points: float) -> list[tuple[int, int]]:
    """Start and end of each of at most three lines that fit; what is too much is left out."""
    lines: list[tuple[int, int]] = []
    for word in re.finditer(r"\S+", words):
        if lines and _inches(words[lines[-1][0] : word.end()], points) <= 0.94 * inches:
            lines[-1] = lines[-1][0], word.end()
        elif len(lines) < 3:
            lines.append(word.span())
        else:
            break
    return lines


def _pieces(
    words: str, line: tuple[int, int], spans: Sequence[tuple[int, int, int]]
) -> Iterator[tuple[float, float, str, int | None]]:
    """A line cut where marks begin and end: left edge and width in inches, text, and what is marked there."""
    start, end = line
    cuts = sorted({start, end, *(at for span in spans for at in span[:2] if start < at < end)})
    for one, other in itertools.pairwise(cuts):
        kind = next((kind for left, right, kind in spans if left <= one < right), None)
        before = _inches(words[start:one], SENTENCE) if one > start else 0.0
        yield before, _inches(words[start:other], SENTENCE) - before, words[one:other], kind


def _wrapped(words: str, inches: float, points: float) -> list[str]:
    """At most three lines that fit; the font's letters are about 0.57 of its size wide."""
    width = max(6, int(inches * 72 / (0.57 * points)))
    return textwrap.wrap(words, width, max_lines=3, placeholder=" …") or [""]
