"""Referring expressions for a scene, in the words of RRSIS-D, each verified to mean exactly one instance.

A sentence is a target class and predicates: attributes (size, colour, shape), a cell of the 3x3 grid, a direction
from a landmark, a comparison with a landmark. Each predicate judges an instance True (clearly), False (clearly not)
or None (a matter of opinion). A sentence is used only if its target is True under every predicate and every other
instance of the class is False under at least one: what people could argue about is never asked.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

KINDS = {
    "class": 0.00,
    "attribute": 0.30,
    "position": 0.35,
    "attribute+position": 0.185,
    "relation": 0.145,
    "comparison": 0.02,
}
"""Share of each kind of sentence, as counted in 10,042 sentences of RRSIS-D."""

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

    def rivals(self, number: int) -> tuple[int, ...]:
        """The other instances of the same class."""
        return tuple(i for i in self.of_class[self.instances[number].category] if i != number)


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

_SIZES = {
    "tiny": (0.0, 0.004, 0.008),
    "small": (0.0, 0.03, 0.05),
    "large": (0.05, 0.09, 1.0),
    "huge": (0.2, 0.3, 1.0),
}


@dataclass(frozen=True)
class Size:
    """Tiny, small, large, huge: among its class in the picture; an only one is measured against the picture.

    Among its class, an instance is measured against the middle (geometric) of the largest and smallest area, and
    only if those differ by a factor of 2.5 or more.
    """

    word: str

    @property
    def text(self) -> str:
        """The size word."""
        return self.word

    def judge(self, scene: Scene, number: int) -> Verdict:
        """See the class."""
        areas = [scene.instances[i].area for i in scene.of_class[scene.instances[number].category]]
        area = scene.instances[number].area
        if len(areas) == 1:
            return self._against_picture(area / (scene.width * scene.height))
        largest, smallest = max(areas), min(areas)
        if largest < 2.5 * smallest:
            return None
        ratio = area / math.sqrt(largest * smallest)
        if self.word in ("tiny", "small"):
            ratio = 1 / ratio
        clearly, clearly_not = (3.0, 2.0) if self.word in ("tiny", "huge") else (1.4, 0.8)
        return _verdict(ratio >= clearly, ratio <= clearly_not)

    def _against_picture(self, share: float) -> Verdict:
        if self.word == "tiny":
            return _verdict(share <= 0.004, share >= 0.01)
        if self.word == "small":
            return _verdict(share <= 0.03, share >= 0.06)
        if self.word == "large":
            return _verdict(share >= 0.08, share <= 0.04)
        return _verdict(share >= 0.3, share <= 0.2)


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


# --- sentences --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expression:
    """A verified sentence: the instances it means (one, or a whole group) and what it says of them."""

    article: str
    phrase: Phrase
    kind: str
    targets: tuple[int, ...]
    relation: Predicate | None = None

    @property
    def text(self) -> str:
        """The sentence."""
        words = f"{self.article} {self.phrase.text}"
        return f"{words} {self.relation.text}" if self.relation else words

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Everything it says beyond the class."""
        return self.phrase.predicates + ((self.relation,) if self.relation else ())


def fits_only(scene: Scene, number: int, predicates: Sequence[Predicate]) -> bool:
    """Whether an instance clearly fits, and every other one of its class clearly does not."""
    return all(p.judge(scene, number) for p in predicates) and all(
        any(p.judge(scene, rival) is False for p in predicates) for rival in scene.rivals(number)
    )


def expressions(scene: Scene, rng: np.random.Generator, *, groups: bool = False) -> list[Expression]:
    """Every way to speak of the scene's instances that is true and unambiguous (order of attributes drawn).

    Args:
        scene: What is in the picture.
        rng: Draws articles and word order.
        groups: Also speak of several instances of a class at once ("The vehicles on the left").

    Returns:
        Expressions, at most one of each content.
    """
    phrases = {
        number: list(_phrases(scene, number, rng))
        for number, instance in enumerate(scene.instances)
        if instance.category not in scene.uncountable
    }
    found = []
    for number, own in phrases.items():
        for phrase in own:
            found.append(Expression(_article(rng), phrase, _kind(phrase), (number,)))
        bare = Phrase(scene.instances[number].category)
        for kind, relation in _relations(scene, number, phrases, rng):
            found.append(Expression(_article(rng), bare, kind, (number,), relation))
    return found + (list(_groups(scene, rng)) if groups else [])


def choose(
    found: Sequence[Expression], count: int, used: Counter[str], rng: np.random.Generator
) -> list[Expression]:
    """Picks sentences of one scene so that kinds come near the shares of `KINDS` over all scenes.

    Args:
        found: What can be said of the scene.
        count: How many to pick at most. Targets are spread: an instance is named again when all have been.
        used: How often each kind was used so far; updated.
        rng: Picks within a kind.

    Returns:
        Up to `count` expressions, no sentence twice.
    """
    picked: list[Expression] = []
    while len(picked) < count:
        spoken_of = Counter(e.targets for e in picked)
        rest = [e for e in found if all(e.text != p.text for p in picked)]
        fewest = min((spoken_of[e.targets] for e in rest), default=0)
        rest = [e for e in rest if spoken_of[e.targets] == fewest]
        if not rest:
            break
        total = sum(used.values()) + 1
        wanted = max(
            {e.kind for e in rest}, key=lambda kind: (KINDS.get(kind, 0.1) * total - used[kind], kind)
        )
        choice = [e for e in rest if e.kind == wanted]
        picked.append(choice[rng.integers(len(choice))])
        used[wanted] += 1
    return picked


def _phrases(scene: Scene, number: int, rng: np.random.Generator) -> Iterator[Phrase]:
    """Every noun phrase that means exactly this instance."""
    category = scene.instances[number].category
    cells: list[Cell | None] = [None, *_true(scene, number, (Cell(*cell) for cell in CELLS))]
    for attributes in _attributes(scene, number, rng):
        for cell in cells:
            phrase = Phrase(category, attributes, cell)
            if fits_only(scene, number, phrase.predicates):
                yield phrase


def _attributes(scene: Scene, number: int, rng: np.random.Generator) -> Iterator[tuple[Predicate, ...]]:
    """Every true choice of at most one size, colour and shape word, in a drawn order, as the real ones vary."""
    instance = scene.instances[number]
    sizes = _true(scene, number, (Size(word) for word in _SIZES))
    looks = [[Look(about, word)] for about in ("colour", "shape") if (word := getattr(instance, about))]
    options = [[None, *words] for words in (sizes, *looks)]
    for chosen in itertools.product(*options):
        words = [word for word in chosen if word is not None]
        yield tuple(words[i] for i in rng.permutation(len(words)))


def _relations(
    scene: Scene, number: int, phrases: dict[int, list[Phrase]], rng: np.random.Generator
) -> Iterator[tuple[str, Predicate]]:
    """Every relation and comparison to a landmark that means exactly this instance; one wording per landmark."""
    for landmark, names in phrases.items():
        if landmark == number or not names:
            continue
        name = names[rng.integers(len(names))]
        options: list[tuple[str, Predicate]] = [("relation", Inside(landmark, name))]
        options += [("relation", Direction(word, landmark, name)) for word in DIRECTIONS]
        if scene.instances[landmark].category == scene.instances[number].category:
            options += [("comparison", Comparison(word, landmark, name)) for word in COMPARISONS]
        for kind, relation in options:
            if fits_only(scene, number, [relation]):
                yield kind, relation


def _true(scene: Scene, number: int, predicates: Iterator[Predicate]) -> list:
    return [p for p in predicates if p.judge(scene, number)]


def _kind(phrase: Phrase) -> str:
    if phrase.cell:
        return "attribute+position" if phrase.attributes else "position"
    return "attribute" if phrase.attributes else "class"


def _article(rng: np.random.Generator) -> str:
    return "A" if rng.random() < 0.5 else "The"


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
