"""What can be said of an instance in a scene, and when it clearly holds.

Each predicate judges an instance True (clearly fits), False (clearly does not) or None (people could argue).
The thresholds follow how RRSIS-D uses the words: positions by thirds, directions in eight sectors of 45
degrees.
"""

import itertools
import math
import statistics
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

Verdict = bool | None


@dataclass(frozen=True)
class Instance:
    """One visible object: class, xyxy box and area in pixels, and what is known of its looks."""

    category: str
    box: tuple[float, float, float, float]
    area: float
    colour: str | None = None
    shape: str | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box, x and y in pixels."""
        x0, y0, x1, y1 = self.box
        return (x0 + x1) / 2, (y0 + y1) / 2


@dataclass(frozen=True)
class Scene:
    """What is in a picture. Classes in `uncountable` are there in unknown numbers and are never spoken of."""

    width: int
    height: int
    instances: tuple[Instance, ...]
    uncountable: frozenset[str] = frozenset()

    @cached_property
    def of_class(self) -> dict[str, tuple[int, ...]]:
        """Class -> positions of its instances."""
        found: dict[str, list[int]] = {}
        for number, instance in enumerate(self.instances):
            found.setdefault(instance.category, []).append(number)
        return {category: tuple(numbers) for category, numbers in found.items()}

    def cut(self, number: int) -> bool:
        """Whether an instance touches the border of the picture, so that a part of it may lie outside."""
        x0, y0, x1, y1 = self.instances[number].box
        across, down = BORDER * self.width, BORDER * self.height
        return x0 < across or y0 < down or x1 > self.width - across or y1 > self.height - down

    def distance(self, one: int, other: int) -> float:
        """Between the middles of two instances, in widths and heights of the picture."""
        (x0, y0), (x1, y1) = self.instances[one].centre, self.instances[other].centre
        return math.hypot((x1 - x0) / self.width, (y1 - y0) / self.height)

    def visible(self, number: int) -> float | None:
        """Share of an instance that lies in the picture: 1 for a whole one, None where it cannot be told.

        For one that is cut, an estimate: its area beside the median of the whole ones of its class in the
        picture, never quite 1.
        """
        if not self.cut(number):
            return 1.0
        same = self.of_class[self.instances[number].category]
        whole = [self.instances[i].area for i in same if not self.cut(i)]
        return min(self.instances[number].area / statistics.median(whole), 0.99) if whole else None

    @cached_property
    def sizes_known(self) -> frozenset[str]:
        """Classes whose instances all lie wholly in the picture and whose name says nothing of size."""
        return frozenset(
            category
            for category, members in self.of_class.items()
            if not SIZE_WORDS & set(category.split()) and not any(map(self.cut, members))
        )


BORDER = 0.004
"""How near the border of the picture, in widths or heights of it, an instance counts as cut: outlines are rough."""
SIZE_WORDS = frozenset(("tiny", "small", "little", "medium", "large", "big", "huge", "giant"))
"""A class with one of them in its name ("small vehicle") gets no other."""


class Predicate(Protocol):
    """One thing said about an instance."""

    @property
    def text(self) -> str:
        """The words, as they stand in the sentence."""
        ...

    def judge(self, scene: Scene, number: int) -> Verdict:
        """Whether the instance clearly fits (True), clearly does not (False), or neither (None)."""
        ...


# --- attributes -----------------------------------------------------------------------------------

ALONE = {"tiny": (0.003, 0.008), "small": (0.015, 0.035), "large": (0.1, 0.05), "huge": (0.35, 0.2)}
"""Size words, and the share of the picture at which an only one of its class clearly is, and is not, so."""
GAP = 2.5
"""Least ratio of areas between the small ones and the large ones of a class."""
EXTREME = 5.0
"""Ratio of areas from which on small ones are tiny beside the large ones, and large ones huge."""


@dataclass(frozen=True)
class Size:
    """Tiny, small, large, huge, among the instances of the class in the picture.

    Sorted by area, a class falls into small and large ones at its widest gap, if that is wide enough. An only
    one, which no word can confuse with another, is measured against the picture. Nothing is known of a class
    with an instance that is cut by the border, and nothing said of one whose name holds a size word.
    """

    word: str

    @property
    def text(self) -> str:
        """The size word."""
        return self.word

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        if scene.instances[number].category not in scene.sizes_known:
            return None
        area = scene.instances[number].area
        areas = sorted(scene.instances[i].area for i in scene.of_class[scene.instances[number].category])
        if len(areas) == 1:
            share, (fits, fails) = area / (scene.width * scene.height), ALONE[self.word]
            return (
                _verdict(share <= fits, share >= fails)
                if fits < fails
                else _verdict(share >= fits, share <= fails)
            )
        gap, small, large = max((b / a, a, b) for a, b in itertools.pairwise(areas))
        if gap < GAP:
            return None
        if (area <= small) != (self.word in ("tiny", "small")):
            return False
        beside = large / area if area <= small else area / small
        return True if self.word in ("small", "large") or beside >= EXTREME else None


@dataclass(frozen=True)
class Look:
    """A colour or shape word; `about` is the name of the instance's field. Unknown looks are None."""

    about: str
    word: str

    @property
    def text(self) -> str:
        """The word."""
        return self.word

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        seen = getattr(scene.instances[number], self.about)
        return None if seen is None else seen == self.word


# --- places ---------------------------------------------------------------------------------------

CELLS = {
    (-1, -1): "on the upper left",
    (0, -1): "on the top",
    (1, -1): "on the upper right",
    (-1, 0): "on the left",
    (0, 0): "in the middle",
    (1, 0): "on the right",
    (-1, 1): "on the lower left",
    (0, 1): "at the bottom",
    (1, 1): "on the lower right",
}


@dataclass(frozen=True)
class Cell:
    """A cell of the 3x3 grid, by the middle of the box.

    "On the upper left" and "in the middle" mean their cell: instances inside and outside by a margin are
    clear. "On the left" fits what is in the left third about half way down, and excludes only what is outside
    that third: people take the upper left for "on the left" too. RRSIS-D does so in seven sentences of eight.
    """

    column: int
    row: int

    @property
    def text(self) -> str:
        """The place in words."""
        return CELLS[self.column, self.row]

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        x0, y0, x1, y1 = scene.instances[number].box
        across = _in_third(x0 / scene.width, x1 / scene.width, self.column)
        down = _in_third(y0 / scene.height, y1 / scene.height, self.row)
        x, y = (x0 + x1) / 2 / scene.width, (y0 + y1) / 2 / scene.height
        if self.column and not self.row:
            return _verdict(bool(across) and HALF_WAY <= y <= 1 - HALF_WAY, across is False)
        if self.row and not self.column:
            return _verdict(bool(down) and HALF_WAY <= x <= 1 - HALF_WAY, down is False)
        return _verdict(bool(across and down), across is False or down is False)


MARGIN = 0.045
"""How far from the border between thirds, in widths or heights of the picture, a side is clear."""
CENTRAL = 0.07
"""The same for what is "in the middle": nobody says it of what lies near a border of the middle third."""
HALF_WAY = 0.32
"""Where "on the left" begins, between the corners, and in the same way for the other sides."""
REACH = 0.55
"""How far into the picture, from its side, something "on the left" reaches at most, and so for the other sides."""


def _in_third(start: float, end: float, third: int) -> Verdict:
    """Whether what lies from `start` to `end` (0..1) is in the first (-1), middle (0) or last (1) third.

    Its middle decides; a middle near a border between thirds, and what reaches over half of the picture from
    its side, is not clear.
    """
    middle, low, high = (start + end) / 2, (third + 1) / 3, (third + 2) / 3
    margin = MARGIN if third else CENTRAL
    inside = (third == -1 or middle >= low + margin) and (third == 1 or middle <= high - margin)
    reaches = (third == -1 and end > REACH) or (third == 1 and start < 1 - REACH)
    return _verdict(inside and not reaches, middle <= low - MARGIN or middle >= high + MARGIN)


@dataclass(frozen=True)
class Far:
    """The outermost of its class on the left (`side` -1) or right (1), in that third and clearly ahead."""

    side: int

    @property
    def text(self) -> str:
        """The place in words."""
        return "on the far right" if self.side > 0 else "on the far left"

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        same = scene.of_class[scene.instances[number].category]
        reach = {i: self.side * scene.instances[i].centre[0] / scene.width for i in same}
        ahead = reach.pop(number) - max(reach.values(), default=math.inf)
        x0, _, x1, _ = scene.instances[number].box
        there = _in_third(x0 / scene.width, x1 / scene.width, self.side)
        return _verdict(ahead >= AHEAD and bool(there), ahead <= -AHEAD or there is False)


AHEAD = 0.08
"""By how much of the width the one on the far left or right is ahead of the next."""


# --- landmarks ------------------------------------------------------------------------------------

DIRECTIONS = {
    "on the right of": 0.0,
    "on the upper right of": 45.0,
    "above": 90.0,
    "on the upper left of": 135.0,
    "on the left of": 180.0,
    "on the lower left of": 225.0,
    "below": 270.0,
    "on the lower right of": 315.0,
}
TOWARDS, AWAY = 18.0, 42.0
"""Degrees off a direction up to which it clearly holds, and from which on it clearly does not."""


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: class, attributes before it, perhaps a place after it."""

    category: str
    attributes: tuple[Predicate, ...] = ()
    place: Cell | Far | None = None

    @property
    def text(self) -> str:
        """The phrase without an article."""
        words = [*(a.text for a in self.attributes), self.category]
        return " ".join(words + ([self.place.text] if self.place else []))

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Everything the phrase says beyond the class."""
        return self.attributes + ((self.place,) if self.place else ())


@dataclass(frozen=True)
class Direction:
    """Where an instance lies as seen from a landmark: eight directions by the angle between the middles."""

    word: str
    landmark: int
    phrase: Phrase

    @property
    def text(self) -> str:
        """The relation with its landmark."""
        return f"is {self.word} the {self.phrase.text}"

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        if number == self.landmark:
            return False
        it, mark = scene.instances[number], scene.instances[self.landmark]
        off = abs((_angle(mark.centre, it.centre) - DIRECTIONS[self.word] + 180) % 360 - 180)
        return _verdict(off <= TOWARDS and _apart(it, mark), off >= AWAY)


@dataclass(frozen=True)
class Inside:
    """Whether an instance lies in a landmark, such as a vehicle in an expressway service area."""

    landmark: int
    phrase: Phrase

    @property
    def text(self) -> str:
        """The relation with its landmark."""
        return f"is in the {self.phrase.text}"

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        if number == self.landmark:
            return False
        it, mark = scene.instances[number], scene.instances[self.landmark]
        share = _overlap(it.box, mark.box) / max(_size(it.box), 1e-9)
        return _verdict(share >= 0.99 and 4 * it.area <= mark.area, share <= 0.2)


COMPARISONS = {
    "similar in size to": ((1 / 1.12, 1.12), (1 / 1.5, 1.5)),
    "a little smaller than": ((1 / 2.0, 1 / 1.45), (1 / 4.0, 1 / 1.15)),
    "a little bigger than": ((1.45, 2.0), (1.15, 4.0)),
    "much smaller than": ((0.0, 1 / 3.0), (0.0, 1 / 2.0)),
    "much bigger than": ((3.0, math.inf), (2.0, math.inf)),
}
"""Area ratios where the words clearly hold, and the wider range outside which they clearly do not."""


@dataclass(frozen=True)
class Comparison:
    """The area of an instance compared with that of a landmark of the same class, where sizes are known."""

    word: str
    landmark: int
    phrase: Phrase

    @property
    def text(self) -> str:
        """The comparison with its landmark."""
        return f"is {self.word} the {self.phrase.text}"

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        if number == self.landmark:
            return False
        if scene.instances[number].category not in scene.sizes_known:
            return None
        ratio = scene.instances[number].area / scene.instances[self.landmark].area
        (low, high), (lowest, highest) = COMPARISONS[self.word]
        return _verdict(low <= ratio <= high, not lowest < ratio < highest)


def _verdict(clearly: bool, clearly_not: bool) -> Verdict:
    return True if clearly else False if clearly_not else None


def _angle(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Direction from start to end in degrees, 0 to the right, 90 up."""
    return math.degrees(math.atan2(start[1] - end[1], end[0] - start[0]))


def _size(box: tuple[float, float, float, float]) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    return _size((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def _apart(a: Instance, b: Instance) -> bool:
    """Whether two boxes hardly overlap, so that a direction between them means something."""
    return _overlap(a.box, b.box) <= 0.1 * min(_size(a.box), _size(b.box))
