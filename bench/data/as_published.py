"""What FIANet's released code marks as object and position, rule by rule (models.md, "Decoupling").

Pure functions of a sentence whose words are already tagged; `bench.data.decouplers` brings the tagger.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fianet.tokens import Places

RULES = {
    "IN DT? JJ*? NN": "<IN>(<DT>)?(<JJ[^<>]*>)?<NN>",
    "IN DT? JJ*? JJ": "<IN>(<DT>)?(<JJ[^<>]*>)?<JJ>",
    "IN DT? JJ* VBD": "<IN>(<DT>)?<JJ[^<>]*><VBD>",
}
"""Chunks of part-of-speech tags, tried in this order; what one has taken is closed to the next."""

Tagged = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class FoundClass:
    """A class name in the sentence; `word` is the first word that contains the name's first word."""

    name: str
    word: int

    @property
    def places(self) -> range:
        """As many as the name has words, from that word's number on; [CLS] has place 0."""
        return range(self.word + 1, self.word + 1 + len(self.name.split()))


@dataclass(frozen=True)
class Chunk:
    """A phrase found by a rule: words `start` to `end`; `word` is the first one equal to its first word."""

    rule: str
    start: int
    end: int
    word: int
    dropped: bool

    @property
    def places(self) -> range:
        """From that first equal word on, which may stand before the phrase; none where it is dropped."""
        return range(self.word + 1, self.word + 1 + (0 if self.dropped else self.end - self.start))


@dataclass(frozen=True)
class Reading:
    """A sentence as the released code sees it."""

    tagged: tuple[tuple[str, str], ...]
    classes: tuple[FoundClass, ...]
    chunks: tuple[Chunk, ...]

    @property
    def places(self) -> Places:
        """Numbers of *words*, which the released code uses as numbers of *word pieces*."""
        return Places(_union(self.classes), _union(self.chunks))


def read(sentence: str, tagged: Tagged, classes: Iterable[str]) -> Reading:
    """Object and position of a sentence, and by what they were found.

    Args:
        sentence: As it stands; capitals count.
        tagged: Its words with their parts of speech.
        classes: Names of the data set's classes, as sentences write them.
    """
    words = [word for word, _ in tagged]
    return Reading(tuple(tagged), _classes(sentence, words, classes), _chunks(tagged))


def _classes(sentence: str, words: Sequence[str], classes: Iterable[str]) -> tuple[FoundClass, ...]:
    """Every class name that occurs anywhere ("car" also in "scarf"), the target's and landmarks' alike."""
    found = []
    for name in classes:
        if name and name in sentence:
            first = name.split()[0]
            number = next((i for i, word in enumerate(words) if first in word), None)
            if number is not None:
                found.append(FoundClass(name, number))
    return tuple(found)


def _chunks(tagged: Tagged) -> tuple[Chunk, ...]:
    """Phrases in the order of the sentence. Those in which "of" occurs anywhere (also in "roof") are dropped."""
    words = [word for word, _ in tagged]
    tags = "".join(f"<{tag}>" for _, tag in tagged)
    found = []
    for rule, pattern in RULES.items():
        for match in re.finditer(pattern, tags):
            start = tags.count("<", 0, match.start())
            end = start + match.group().count("<")
            dropped = any("of" in word for word in words[start:end])
            found.append(Chunk(rule, start, end, words.index(words[start]), dropped))
        tags = re.sub(pattern, lambda match: "<>" * match.group().count("<"), tags)
    return tuple(sorted(found, key=lambda chunk: chunk.start))


def _union(marks: Iterable[FoundClass | Chunk]) -> tuple[int, ...]:
    return tuple(sorted({place for mark in marks for place in mark.places}))
