"""A figure drawn on in inches from its lower left corner, with sentences whose object and position words are marked."""

import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from reports.figures.style import MARKS, WIDTH

GAP = 0.05  # inches between pictures
LINE = 0.135  # inches a line of text takes
SENTENCE, SMALL = 7.5, 6.5  # points
GREY = "#666666"
LINES = 3  # of a sentence at most
Spans = Sequence[tuple[int, int, int]]  # start, end, 0 for object or 1 for position words


class Sheet:
    """A figure as wide as a page.

    Args:
        height: Inches.
    """

    def __init__(self, height: float) -> None:
        self.height = height
        self.figure = Figure(figsize=(WIDTH, height))

    def axis(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes without a frame; what is shown in them keeps its proportions."""
        box = (left / WIDTH, bottom / self.height, width / WIDTH, height / self.height)
        axis = self.figure.add_axes(box)
        axis.set_axis_off()
        return axis

    def text(self, x: float, y: float, text: str, size: float = SMALL, **style: Any) -> None:
        """A line of text on its baseline."""
        self.figure.text(x / WIDTH, y / self.height, text, fontsize=size, **style)

    def sentence(self, y: float, sentence: str, line: tuple[int, int], spans: Spans) -> None:
        """One line of a sentence, from `break_up`, with marks behind its object and position words."""
        for left, width, piece, kind in _pieces(sentence, line, spans):
            self.text(left, y, piece, SENTENCE)
            if kind is not None:
                self._mark(left, y, width, kind)

    def key(self, y: float) -> None:
        """What the marks mean, at the right end of a line."""
        right = WIDTH - 0.06  # letters are drawn a little wider where pixels are few
        for kind, name in reversed(list(enumerate(("object words", "position words")))):
            width = _inches(name, SMALL)
            right -= width
            self.text(right, y, name)
            self._mark(right, y, width, kind)
            right -= 0.1

    def _mark(self, left: float, y: float, width: float, kind: int) -> None:
        corner = left / WIDTH, (y - 0.047) / self.height
        size = width / WIDTH, (LINE + 0.005) / self.height
        self.figure.add_artist(Rectangle(corner, *size, color=MARKS[kind], linewidth=0, zorder=-1))


def break_up(sentence: str, inches: float = WIDTH) -> list[tuple[int, int]]:
    """Start and end of each of at most `LINES` lines that fit; what is too much is left out."""
    lines: list[tuple[int, int]] = []
    for word in re.finditer(r"\S+", sentence):
        start, end = word.span()
        while _inches(sentence[start:end], SENTENCE) > 0.94 * inches:
            end -= max(1, (end - start) // 10)
        if lines and _inches(sentence[lines[-1][0] : end], SENTENCE) <= 0.94 * inches:
            lines[-1] = lines[-1][0], end
        elif len(lines) < LINES:
            lines.append((start, end))
        else:
            break
    return lines


def _inches(words: str, points: float) -> float:
    """How wide a text is drawn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from font")
        font = FontProperties(family="DejaVu Sans", size=points)
        return float(text_to_path.get_text_width_height_descent(words, font, ismath=False)[0]) / 72


def _pieces(
    sentence: str, line: tuple[int, int], spans: Spans
) -> Iterator[tuple[float, float, str, int | None]]:
    """A line cut where marks begin and end: left edge and width in inches, text, and what is marked there."""
    start, end = line
    cuts = sorted({start, end, *(at for span in spans for at in span[:2] if start < at < end)})
    for one, other in itertools.pairwise(cuts):
        kind = next((kind for left, right, kind in spans if left <= one < right), None)
        before = _inches(sentence[start:one], SENTENCE) if one > start else 0.0
        yield before, _inches(sentence[start:other], SENTENCE) - before, sentence[one:other], kind
