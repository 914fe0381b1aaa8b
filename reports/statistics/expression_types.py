"""What kind of expression a sentence is: told by the closed word lists of `fianet.decouple`."""

import re
from enum import StrEnum

from fianet.decouple import Kind, decouple, kinds

_COMPARED = re.compile(
    r"\b(?:than|bigger|smaller|larger|longer|shorter|wider|narrower|taller|higher|thinner|thicker|brighter|darker"
    r"|similar|same|equal|identical|different|twice|half as|as \w+ as)\b",
    re.IGNORECASE,
)
_OF_THE_IMAGE = frozenset(
    (
        "side",
        "corner",
        "half",
        "edge",
        "end",
        "part",
        "hand",
        "center",
        "centre",
        "middle",
        "image",
        "picture",
    )
)


class Type(StrEnum):
    """From what it takes to find the object; the richest that applies."""

    plain = "class only"
    attribute = "attribute"
    position = "position"
    relation = "relation"
    comparison = "comparison"


def expression_type(sentence: str) -> Type:
    """The type of an expression.

    Comparison: its position phrase compares ("smaller than the dam"). Relation: it names a landmark ("next to the
    road"). Position: it names a place in the image. Attribute: a colour, size, shape or part. Else class only.
    """
    spans = decouple(sentence)
    phrases = [sentence[start:end] for start, end in spans.position]
    if any(_COMPARED.search(phrase) for phrase in phrases):
        return Type.comparison
    if any(_landmark(phrase) for phrase in phrases):
        return Type.relation
    if phrases:
        return Type.position
    named = {sentence[start:end].lower() for start, end in spans.object}
    others = [word for kind, word in kinds(sentence) if kind in (Kind.modifier, Kind.noun)]
    parts = {word for phrase in named for word in re.findall(r"\w+(?:[-'’]\w+)*", phrase)}
    return Type.attribute if any(word not in parts for word in others) else Type.plain


def _landmark(phrase: str) -> bool:
    return any(kind is Kind.noun and word not in _OF_THE_IMAGE for kind, word in kinds(phrase))


def marked(sentence: str) -> list[tuple[int, int, int]]:
    """The words a reader should see marked, in their order: start, end, 0 for object or 1 for position."""
    found = decouple(sentence)
    return sorted([(*span, 0) for span in found.object] + [(*span, 1) for span in found.position])


def word_count(sentence: str) -> int:
    """Words of a sentence."""
    return len(re.findall(r"\w+(?:[-'’]\w+)*", sentence))
