"""What can be said of an instance in a scene, and when it clearly holds.

Each predicate judges an instance True (clearly fits), False (clearly does not) or None (people could argue). The
thresholds follow how RRSIS-D uses the words: positions by thirds, directions in eight sectors of 45 degrees.
"""

import math
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


class Predicate(Protocol):
    """One thing said about an instance."""

    @property
    def text(self) -> str:
        """The words, as they stand in the sentence."""
        ...

    def judge(self, scene: Scene, number: int) -> Verdict:
        """Whether the instance clearly fits (True), clearly does not (False), or neither (None)."""
        ...


# --- attributes -------------------------------------------------------------------------------------------------

SIZES = {
    "tiny": ((1 / 3, 1 / 2), (0.004, 0.01)),
    "small": ((1 / 1.4, 1 / 0.8), (0.03, 0.06)),
    "large": ((1.4, 0.8), (0.08, 0.04)),
    "huge": ((3.0, 2.0), (0.3, 0.2)),
}
"""Where each word clearly holds and clearly does not: among its class, and, for an only one, as a share of the picture."""
SPREAD = 2.5
"""Least ratio of the largest to the smallest of a class for size words to mean anything."""


@dataclass(frozen=True)
class Size:
    """Tiny, small, large, huge: measured against the geometric middle of the largest and smallest of its class in
    the picture; an only one, which no word can confuse, against the picture.
    """

    word: str

    @property
    def text(self) -> str:
        """The size word."""
        return self.word

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        among, alone = SIZES[self.word]
        areas = [scene.instances[i].area for i in scene.of_class[scene.instances[number].category]]
        value, (fits, fails) = scene.instances[number].area / (scene.width * scene.height), alone
        if len(areas) > 1:
            if max(areas) < SPREAD * min(areas):
                return None
            value, (fits, fails) = scene.instances[number].area / math.sqrt(max(areas) * min(areas)), among
        if fits < fails:
            return _verdict(value <= fits, value >= fails)
        return _verdict(value >= fits, value <= fails)


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


# --- places -----------------------------------------------------------------------------------------------------

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
    """A cell of the 3x3 grid, by the middle of the box, as RRSIS-D uses the words.

    A target must be inside its cell by a margin. A rival is excluded from a corner or the middle when it is clearly
    outside that cell, but from a side ("on the left") only when it is clearly outside the whole third: people would
    take the upper left for "on the left" too.
    """

    column: int
    row: int

    @property
    def text(self) -> str:
        """The place in words."""
        return CELLS[self.column, self.row]

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        x, y = scene.instances[number].centre
        across = _in_third(x / scene.width, self.column)
        down = _in_third(y / scene.height, self.row)
        if across and down:
            return True
        if self.column and not self.row:
            return False if across is False else None
        if self.row and not self.column:
            return False if down is False else None
        return False if across is False or down is False else None


def _in_third(share: float, third: int, margin: float = 0.035) -> Verdict:
    """Whether a coordinate (0..1) is in the first (-1), middle (0) or last (1) third."""
    low, high = (third + 1) / 3, (third + 2) / 3
    inside = (share >= low + margin or third == -1) and (share <= high - margin or third == 1)
    outside = share <= low - margin or share >= high + margin
    return _verdict(inside, outside)


# --- landmarks --------------------------------------------------------------------------------------------------

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


@dataclass(frozen=True)
class Phrase:
    """A noun phrase: class, attributes before it, perhaps a cell after it."""

    category: str
    attributes: tuple[Predicate, ...] = ()
    cell: Cell | None = None

    @property
    def text(self) -> str:
        """The phrase without an article."""
        words = [*(a.text for a in self.attributes), self.category]
        return " ".join(words + ([self.cell.text] if self.cell else []))

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Everything the phrase says beyond the class."""
        return self.attributes + ((self.cell,) if self.cell else ())


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
        straight = DIRECTIONS[self.word] % 90 == 0
        return _verdict(off <= 17 and _apart(it, mark), off >= (50 if straight else 35))


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
    "similar in size to": ((1 / 1.15, 1.15), (1 / 1.35, 1.35)),
    "a little smaller than": ((1 / 1.8, 1 / 1.3), (1 / 2.3, 1 / 1.1)),
    "a little bigger than": ((1.3, 1.8), (1.1, 2.3)),
    "much smaller than": ((0.0, 1 / 2.5), (0.0, 1 / 2.0)),
    "much bigger than": ((2.5, math.inf), (2.0, math.inf)),
}
"""Range of the area ratio where the words clearly hold, and the wider one outside which they clearly do not."""


@dataclass(frozen=True)
class Comparison:
    """The area of an instance compared with that of a landmark of the same class."""

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
