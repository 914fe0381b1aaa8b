"""Referring expressions for a scene, in the words of RRSIS-D, each verified to mean exactly one instance.

A sentence is a target class and predicates (`bench.sentences.predicates`): attributes, a cell of the 3x3 grid, a
direction from a landmark, a comparison with one. It is used only if its target clearly fits every predicate
and every other instance of the class clearly fails at least one: what people could argue about is never
asked. A word more than needed is allowed, as in the real sentences.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.sentences.predicates import (
    ALONE,
    CELLS,
    COMPARISONS,
    DIRECTIONS,
    Cell,
    Comparison,
    Direction,
    Far,
    Inside,
    Look,
    Phrase,
    Predicate,
    Scene,
    Size,
)

KINDS = {
    "class": 0.0,
    "attribute": 0.30,
    "position": 0.35,
    "attribute+position": 0.185,
    "relation": 0.145,
    "comparison": 0.02,
}
"""Share of each kind of sentence, as counted in 10,042 sentences of RRSIS-D."""
GROUP = "group"
GROUPS = 0.1
"""Share of sentences that mean several instances, where they are asked for."""
WORDINESS = (1.0, 0.23, 0.09, 0.05)
"""Weight of a phrase by its number of attributes: of those with any, RRSIS-D has 68, 27, 5 % with 1, 2, 3."""
SLACK = 1.5
"""How far above its share the use of a kind may be, unless nothing else can be said of an instance."""
NEIGHBOURS = 0.2
"""How near, in widths and heights of the picture, the middles of two are that no cell tells apart."""
COMPARABLE = 2
"""Of how many instances at most sizes are compared: among more, people point at the wrong one."""
LANDMARKS = {"position": 0.48, "attribute": 0.34, "attribute+position": 0.18}
"""How RRSIS-D tells landmarks apart. Bare ones ("the bridge") do not occur."""


ALIKE = {"tiny": "small", "huge": "large"}
"""Words that say nearly the same: sentences that differ in them alone are not both used."""
CONSONANT_STARTS = ("uni", "use", "eu", "one")
"""How words start that are written with a vowel and spoken without ("a university")."""
Relation = Direction | Inside | Comparison


@dataclass(frozen=True)
class Expression:
    """A verified sentence: the instances it means (one, or a whole group) and what it says of them."""

    determiner: str
    phrase: Phrase
    kind: str
    targets: tuple[int, ...]
    relation: Relation | None = None

    @property
    def text(self) -> str:
        """The sentence."""
        noun = self.phrase.text
        vowel = noun.startswith(tuple("aeiou")) and not noun.startswith(CONSONANT_STARTS)
        determiner = "An" if self.determiner == "A" and vowel else self.determiner
        words = f"{determiner} {noun}"
        return f"{words} {self.relation.text}" if self.relation else words

    @property
    def content(self) -> tuple[object, ...]:
        """What it says, whatever the wording: equal for "A tiny red ship" and "The red small ship"."""
        said = frozenset(ALIKE.get(attribute.text, attribute.text) for attribute in self.phrase.attributes)
        place = self.phrase.place.text if self.phrase.place else ""
        if not self.relation:
            return (self.targets, said, place)
        relation = self.relation
        return (self.targets, said, place, type(relation), getattr(relation, "word", ""), relation.landmark)

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Everything it says beyond the class."""
        return self.phrase.predicates + ((self.relation,) if self.relation else ())


def fits_only(scene: Scene, targets: Iterable[int], predicates: Sequence[Predicate]) -> bool:
    """Whether all targets (of one class) clearly fit, and all others of the class clearly do not."""
    chosen = set(targets)
    same = scene.of_class[scene.instances[min(chosen)].category]
    return all(p.judge(scene, number) for p in predicates for number in chosen) and all(
        any(p.judge(scene, other) is False and _elsewhere(scene, p, chosen, other) for p in predicates)
        for other in same
        if other not in chosen
    )


def _elsewhere(scene: Scene, predicate: Predicate, chosen: Iterable[int], other: int) -> bool:
    """Whether a cell tells `other` from those chosen: of two neighbours, people see no border between them."""
    if not isinstance(predicate, Cell):
        return True
    return all(scene.distance(number, other) >= NEIGHBOURS for number in chosen)


def expressions(scene: Scene, rng: np.random.Generator, *, groups: bool = False) -> list[Expression]:
    """Every way to speak of the scene's instances that is true and unambiguous.

    Args:
        scene: What is in the picture.
        rng: Draws articles, the order of attributes, and one wording for each landmark.
        groups: Also speak of several instances of a class at once ("The vehicles on the left").

    Returns:
        Expressions, at most one of each content; nothing about classes in `scene.uncountable`.
    """
    phrases = {
        number: list(_phrases(scene, number, rng))
        for number, instance in enumerate(scene.instances)
        if instance.category not in scene.uncountable
    }
    names = {number: _landmark_name(own, rng) for number, own in phrases.items() if not scene.cut(number)}
    found = []
    for number, own in phrases.items():
        category = scene.instances[number].category
        found += [Expression(_determiner(category, rng), phrase, _kind(phrase), (number,)) for phrase in own]
        bare = Phrase(category)
        for landmark, name in names.items():
            if name is not None and landmark != number:
                for kind, relation in _relations(scene, number, landmark, name):
                    found.append(Expression(_determiner(category, rng), bare, kind, (number,), relation))
    return found + (list(_groups(scene, rng)) if groups else [])


def choose(
    found: Sequence[Expression],
    per_scene: int,
    used: Counter[str],
    rng: np.random.Generator,
    per_target: int | None = None,
) -> list[Expression]:
    """Picks sentences of one scene so that kinds come near the shares of `KINDS` over all scenes.

    Args:
        found: What can be said of the scene.
        per_scene: How many to pick at most.
        used: How often each kind was used so far; updated.
        rng: Picks within a kind.
        per_target: How often a target is named at most; no limit by default.

    Returns:
        Expressions, nothing said twice in other words. Targets are named in turn; once a target is named, kinds
        that were used much more often than their share are not spent on it; groups keep to their share.
    """
    picked: list[Expression] = []
    left = [e for e in found if _share(e.kind)] or list(found)
    named: Counter[tuple[int, ...]] = Counter()
    while len(picked) < per_scene:
        total = sum(used.values()) + 1
        left = [
            e
            for e in left
            if (not named[e.targets] and e.kind != GROUP)
            or (named[e.targets] != per_target and used[e.kind] <= SLACK * _share(e.kind) * total)
        ]
        if not left:
            break
        fewest = min(named[e.targets] for e in left)
        fresh = [e for e in left if named[e.targets] == fewest]
        kind = max(sorted({e.kind for e in fresh}), key=lambda kind: _share(kind) * total - used[kind])
        one = _pick([e for e in fresh if e.kind == kind], rng)
        picked.append(one)
        used[kind] += 1
        named[one.targets] += 1
        left = [e for e in left if e.content != one.content]
    return picked


def _share(kind: str) -> float:
    return KINDS.get(kind, GROUPS)


def _pick(options: Sequence[Expression], rng: np.random.Generator) -> Expression:
    """One of the expressions, with as many attributes as the real sentences have."""
    weights = np.array([WORDINESS[len(e.phrase.attributes)] for e in options])
    return options[rng.choice(len(options), p=weights / weights.sum())]


def _phrases(scene: Scene, number: int, rng: np.random.Generator) -> Iterator[Phrase]:
    """Every noun phrase that means exactly this instance; "on the far left" only where no cell does."""
    category = scene.instances[number].category
    attributes = list(_attributes(scene, number, rng))
    for places in ((None, *_CELLS), _FAR):
        fitting = [place for place in places if place is None or place.judge(scene, number)]
        phrases = [Phrase(category, words, place) for words in attributes for place in fitting]
        phrases = [phrase for phrase in phrases if fits_only(scene, (number,), phrase.predicates)]
        yield from phrases
        if any(phrase.place for phrase in phrases):
            return


def _attributes(scene: Scene, number: int, rng: np.random.Generator) -> Iterator[tuple[Predicate, ...]]:
    """Every true choice of at most one size, colour and shape word; as in RRSIS-D, in any order."""
    instance = scene.instances[number]
    options: list[list[Predicate | None]] = [[None, *(size for size in _SIZES if size.judge(scene, number))]]
    options += [
        [None, Look(about, word)] for about in ("colour", "shape") if (word := getattr(instance, about))
    ]
    for chosen in itertools.product(*options):
        words = [word for word in chosen if word is not None]
        yield tuple(words[i] for i in rng.permutation(len(words)))


def _landmark_name(phrases: Sequence[Phrase], rng: np.random.Generator) -> Phrase | None:
    """How to tell an instance that serves as a landmark, if it can be told."""
    weights = [LANDMARKS.get(_kind(p), 0.0) * WORDINESS[len(p.attributes)] for p in phrases]
    total = sum(weights)
    return phrases[rng.choice(len(phrases), p=np.array(weights) / total)] if total else None


def _relations(scene: Scene, number: int, landmark: int, name: Phrase) -> Iterator[tuple[str, Relation]]:
    """What a landmark says about exactly this instance, with the kind of sentence that makes."""
    relations: list[Relation] = [Inside(landmark, name)]
    relations += [Direction(word, landmark, name) for word in DIRECTIONS]
    comparisons: list[Relation] = []
    category = scene.instances[number].category
    if scene.instances[landmark].category == category and len(scene.of_class[category]) <= COMPARABLE:
        comparisons += [Comparison(word, landmark, name) for word in COMPARISONS]
    for kind, options in (("relation", relations), ("comparison", comparisons)):
        for predicate in options:
            if fits_only(scene, (number,), [predicate]):
                yield kind, predicate


def _groups(scene: Scene, rng: np.random.Generator) -> Iterator[Expression]:
    """Whole classes ("All ships") and the parts of them that one word or cell tells apart."""
    for category, members in scene.of_class.items():
        if category in scene.uncountable or len(members) < 2:
            continue
        name = Phrase(plural(category))
        yield Expression("All", name, GROUP, members)
        attributes = {
            a: None for number in members for chosen in _attributes(scene, number, rng) for a in chosen
        }
        for phrase in (
            *(replace(name, attributes=(a,)) for a in attributes),
            *(replace(name, place=c) for c in _CELLS),
        ):
            (predicate,) = phrase.predicates
            chosen = tuple(number for number in members if predicate.judge(scene, number))
            if 2 <= len(chosen) < len(members) and fits_only(scene, chosen, [predicate]):
                yield Expression("The", phrase, GROUP, chosen)


def plural(category: str) -> str:
    """The plural of a class name; the name itself where it is one ("buildings")."""
    start, space, word = category.rpartition(" ")
    return start + space + _plural_word(word)


def is_plural(category: str) -> bool:
    """Whether a class name means several ("buildings", "solar panels")."""
    word = category.rpartition(" ")[2]
    if word in ODD_PLURALS:
        return False
    return word in ODD_PLURALS.values() or (word.endswith("s") and not word.endswith(SINGULAR_ENDINGS))


def _plural_word(word: str) -> str:
    if word in ODD_PLURALS:
        return ODD_PLURALS[word]
    if is_plural(word):
        return word
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


ODD_PLURALS = {
    "aircraft": "aircraft",
    "hovercraft": "hovercraft",
    "spacecraft": "spacecraft",
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "wharf": "wharves",
    "shelf": "shelves",
    "leaf": "leaves",
    "sheep": "sheep",
    "fish": "fish",
}
SINGULAR_ENDINGS = ("ss", "us", "is", "as")
"""What words on s end in that are no plurals: grass, bus, tennis, gas."""


_CELLS = tuple(Cell(*cell) for cell in CELLS)
_FAR = (Far(-1), Far(1))
_SIZES = tuple(Size(word) for word in ALONE)


def _kind(phrase: Phrase) -> str:
    if phrase.place:
        return "attribute+position" if phrase.attributes else "position"
    return "attribute" if phrase.attributes else "class"


def _determiner(category: str, rng: np.random.Generator) -> str:
    return "A" if rng.random() < 0.5 and not is_plural(category) else "The"
