"""Which words of a sentence say a place in the whole picture, and which of several things in it they mean.

"The ship at the top" has such words; "the ship on the left of the harbor" has none: its place is seen from another
thing. The words are found by the grammar that splits sentences for the models (`fianet.decouple`); a place holds
where `predicates.Cell` says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.sentences.expressions import is_plural
from bench.sentences.predicates import Cell, Instance, Scene, Verdict
from fianet.decouple import Kind, Span, decouple, words

Box = tuple[float, float, float, float]

_SIDES = {
    **dict.fromkeys(("left", "west"), (-1, 0)),
    **dict.fromkeys(("right", "east"), (1, 0)),
    **dict.fromkeys(("top", "upper", "north"), (0, -1)),
    **dict.fromkeys(("bottom", "lower", "south"), (0, 1)),
    **dict.fromkeys(("middle", "center", "centre", "central"), (0, 0)),
    "northwest": (-1, -1),
    "northeast": (1, -1),
    "southwest": (-1, 1),
    "southeast": (1, 1),
}
_LEADING = frozenset(("on", "in", "at", "to", "toward", "towards", "near", "along", "within", "inside"))
_PARTS = frozenset(("side", "corner", "half", "edge", "end", "part", "hand", "area", "region", "border"))
_PICTURE = frozenset(("image", "picture", "photo", "photograph", "scene", "map"))
_BETWEEN = frozenset((Kind.article, Kind.degree, Kind.of, Kind.state))
_LEFT_OVER = re.compile(r"(?:[\s,;:]|\b(?:is|are|was|were|be|that|which|and)\b)+(?=[.!?]*$)", re.IGNORECASE)


@dataclass(frozen=True)
class Placed:
    """A sentence without its place in the picture, and that place.

    Args:
        rest: What is left of the sentence: "the ship".
        said: The words taken out: "at the top".
        cell: Which of the nine cells of the picture they name.
        far: Whether they name the outermost one ("leftmost", "on the far left").
        several: Whether the sentence means all that are there ("all ships", "the ships"), not one.
    """

    rest: str
    said: str
    cell: Cell
    far: bool
    several: bool


def placed(sentence: str) -> Placed | None:
    """Takes the place in the picture out of a sentence.

    Returns:
        None where it names none, or two that exclude each other, or nothing but a place.
    """
    spans = [span for span in decouple(sentence).position if _sides(sentence[slice(*span)])]
    sides = [side for span in spans for side in _sides(sentence[slice(*span)])]
    across = {column for (column, _), _ in sides if column}
    down = {row for (_, row), _ in sides if row}
    rest = _without(sentence, spans)
    thing = decouple(rest).object
    if not spans or len(across) > 1 or len(down) > 1 or not thing:
        return None
    cell = Cell(*(next(iter(found), 0) for found in (across, down)))
    named = rest[slice(*thing[-1])].lower()
    several = is_plural(named) or rest.lower().startswith(("all ", "both ", "every ", "each "))
    said = ", ".join(sentence[slice(*span)] for span in spans)
    return Placed(rest, said, cell, any(far for _, far in sides), several)


def there(place: Placed, boxes: Sequence[Box], width: int, height: int) -> list[int]:
    """Which of several things are at a place of a picture.

    Those that clearly are, else those of which people could argue; of them the outermost in the direction said, or
    the one nearest to the middle, where the sentence means one.

    Args:
        place: What was said.
        boxes: x0, y0, x1, y1 of each thing, in pixels.
        width: Of the picture, in pixels.
        height: Of the picture.

    Returns:
        Positions in `boxes`, ascending; none where nothing is there.
    """
    scene = Scene(width, height, tuple(Instance("thing", box, 1.0) for box in boxes))
    verdicts: list[Verdict] = [place.cell.judge(scene, number) for number in range(len(boxes))]
    fitting = [number for number, verdict in enumerate(verdicts) if verdict]
    arguable = [number for number, verdict in enumerate(verdicts) if verdict is None]
    found = sorted(fitting + arguable) if place.far else fitting or arguable
    return found if place.several or not found else [max(found, key=lambda one: _fit(place.cell, scene, one))]


def _fit(cell: Cell, scene: Scene, number: int) -> float:
    """How far out an instance lies in the direction of a cell; in the middle: how near to it."""
    x, y = scene.instances[number].centre
    across, down = x / scene.width - 0.5, y / scene.height - 0.5
    if cell.column or cell.row:
        return cell.column * across + cell.row * down
    return -(across**2 + down**2)


def _sides(phrase: str) -> list[tuple[tuple[int, int], bool]]:
    """The sides that a position phrase names and whether as the outermost; none where it speaks of anything else."""
    found: list[tuple[int, int]] = []
    far = False
    for (start, end), kind in words(phrase):
        word = phrase[start:end].lower()
        if kind in (Kind.side, Kind.centre):
            for name in word.split("-"):
                plain = name.removesuffix("most").removesuffix("ern")
                far |= name.endswith("most")
                if plain in _SIDES:
                    found.append(_SIDES[plain])
                elif plain and plain != "hand":
                    return []
        elif kind is Kind.place:
            if word not in _LEADING:
                return []
        elif kind not in _BETWEEN and word not in _PARTS | _PICTURE:
            return []
        far |= word == "far"
    return [(side, far) for side in found]


def _without(sentence: str, spans: Sequence[Span]) -> str:
    """The sentence without some of its spans, and without the verbs and signs that led to them."""
    for start, end in sorted(spans, reverse=True):
        sentence = f"{sentence[:start].rstrip()} {sentence[end:].lstrip()}"
    sentence = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(sentence.split()))
    return _LEFT_OVER.sub("", sentence).strip()
