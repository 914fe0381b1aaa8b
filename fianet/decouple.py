"""Splits a referring expression into the words of its object and the words of its position.

FIANet (TGRS 2024) encodes a sentence three times: whole, its object words only, its position words only. This
module says which characters those are. It is a rule grammar over closed word lists, so it needs no download,
always answers the same and takes time linear in the sentence:

    sentence    := clause { break clause }           break: punctuation, "is", "has", "that", ...
    clause      := [noun phrase] [position phrase]   a noun phrase only until one has named the object
    noun phrase := { modifier | side } noun { noun } noun: any word that no list knows
    position    := { degree | verb } place ...       to the end of the clause

- Object: the nouns of the first noun phrase, without articles, numbers, colours, sizes, shapes. What stands
  behind a preposition, comparison or verb is a landmark and never the object. "light-duty vehicle" gives
  "vehicle" (a weight class is a modifier), "frustum of a cone chimney" "chimney", "row of trees" "trees".
- Position: the whole phrase, landmark included, without "is": "on the left of the ship in the middle", "a
  little bigger than the dam", "driving on the road". A side before the noun ("the upper left ship") is one.
- "has the ship" and "with a red roof" name a part and are no position; a place inside them is one ("has the
  ship on the left" gives "on the left"). An "in" of colour is none ("the vehicle in red").
- "the largest ship" and "the larger ship" are modifiers; "is larger" and "larger than ..." are comparisons.
"""

import re
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import NamedTuple

Span = tuple[int, int]


@dataclass(frozen=True)
class Spans:
    """Half-open character ranges [start, end) of a sentence: ordered, disjoint, inside it, maybe none."""

    object: tuple[Span, ...]
    position: tuple[Span, ...]


class Kind(IntEnum):
    """What a word can do in the grammar."""

    noun = auto()  # no list knows it
    article = auto()
    modifier = auto()
    degree = auto()  # grades what follows: "much" smaller, "directly" above
    measure = auto()  # "row" of trees, "frustum" of a cone
    side = auto()  # a place by itself: "left" of the ship, the "upper" ship
    centre = auto()  # a side before the noun, part of the noun after it: "shopping center"
    place = auto()  # prepositions of place
    compare = auto()
    state = auto()  # verb forms that also stand before a noun: "parked" vehicles
    motion = auto()  # verb forms that also are part of nouns: "running" track
    than = auto()
    of = auto()
    link = auto()  # ends a noun phrase and opens no position
    join = auto()  # "and"
    stop = auto()  # ends a clause


_LISTS = {
    Kind.article: "a an the this these those its their his her it there find locate segment",
    Kind.modifier: """
        one two three four five six seven eight nine ten all both each every some several many few multiple
        single other another only first second third last
        gray grey black white red green blue yellow orange purple brown cyan pink silver golden gold beige
        magenta violet turquoise teal tan light dark bright pale deep colored coloured colorful
        large small tiny huge big long short slender wide narrow thin thick tall giant massive medium
        largest smallest biggest longest shortest widest narrowest tallest brightest darkest
        light-duty heavy-duty
        oval round rounded rectangular rectangle square circular circle triangular elliptical cone conical
        cylindrical irregular curved straight winding
        paved unpaved concrete wooden metal empty dense sparse new old""",
    Kind.degree: """
        not very much little slightly far bit more less even almost nearly about roughly twice half times just
        directly immediately exactly closely partly partially also currently""",
    Kind.measure: """
        frustum group row line pair couple number cluster set kind type piece patch strip stretch part section
        bunch series""",
    Kind.side: """
        left right upper lower top bottom middle leftmost rightmost uppermost lowermost topmost bottommost
        left-most right-most top-most bottom-most left-hand right-hand northern southern eastern western
        northwest northeast southwest southeast north south east west""",
    Kind.centre: "center centre central front rear",
    Kind.place: """
        on in at above below under beneath underneath over near beside besides between among along
        alongside behind inside outside within into onto around across through throughout by to toward towards
        from off beyond against upon amid""",
    Kind.compare: """
        bigger smaller larger longer shorter wider narrower taller higher thinner thicker brighter darker
        closer nearer farther further similar same equal identical as next close adjacent opposite different
        nearby away closest nearest farthest furthest""",
    Kind.state: """
        parked anchored moored docked berthed stopped located situated placed positioned surrounded connected
        attached moving stationed built planted covered aligned""",
    Kind.motion: """
        driving running lying going parking crossing passing sailing flying standing sitting heading traveling
        travelling turning facing waiting entering leaving leading spanning surrounding covering landing
        taxiing resting floating""",
    Kind.than: "than",
    Kind.of: "of",
    Kind.link: "with without for made",
    Kind.join: "and or &",
    Kind.stop: "is are was were be been being has have having had that which who whose where while but",
}
_KINDS = {word: kind for kind, words in _LISTS.items() for word in words.split()}
_WORD = re.compile(r"\w+(?:[-'’]\w+)*|[,.;:!?()&]")
_ADJECTIVE = re.compile(r".+-(?:shaped|colou?red|sized|like)")
_PLACE_NOUNS = frozenset(("side", "corner", "half", "edge", "end", "part", "hand"))

_VERBS = frozenset((Kind.state, Kind.motion))
_AFTER_VERB = frozenset((Kind.place, Kind.article, Kind.link, Kind.degree, Kind.side, Kind.compare))
_AFTER_UNKNOWN_VERB = frozenset((Kind.article, Kind.than))  # "crosses the", "biger than": no noun after all
_BEFORE_NOUN = frozenset((Kind.article, Kind.modifier, Kind.degree, Kind.compare, Kind.state, Kind.join))
_AFTER_NOUN = frozenset((Kind.modifier, Kind.join))
_OPENS = frozenset((Kind.place, Kind.compare, Kind.side, Kind.than))
_LEADS = _VERBS | {Kind.article, Kind.degree, Kind.compare}  # belong to the position phrase they precede


class _Word(NamedTuple):
    kind: Kind
    start: int
    end: int
    text: str


_END = _Word(Kind.stop, 0, 0, "")


def decouple(sentence: str) -> Spans:
    """Finds the object words and the position phrases of a referring expression.

    Any text is taken; what has no object or no position gets an empty tuple.

    Returns:
        Character spans of `sentence`. Object and position never overlap.
    """
    objects: list[Span] = []
    positions: list[Span] = []
    for clause in _clauses(sentence):
        begin = 0
        if not objects:
            nouns, sides, begin = _noun_phrase(clause)
            objects = _spans(clause, nouns)
            positions += _spans(clause, sides)
        opening = _opening(clause, begin, begin if objects else 0)
        if opening is not None:
            positions.append((clause[opening].start, clause[-2].end))
    return Spans(tuple(objects), tuple(positions))


def kinds(sentence: str) -> list[tuple[Kind, str]]:
    """What each word of a sentence can do in the grammar, with the word in lower case; breaks are left out."""
    return [(word.kind, word.text) for clause in _clauses(sentence) for word in clause[:-1]]


def words(sentence: str) -> list[tuple[Span, Kind]]:
    """Where each word and break of a sentence stands, and what it can do in the grammar."""
    return [(match.span(), _kind(match.group().lower())) for match in _WORD.finditer(sentence)]


def _clauses(sentence: str) -> list[list[_Word]]:
    """The words between breaks, each list closed by one sentinel of kind stop."""
    clauses, clause = [], []
    for match in _WORD.finditer(sentence):
        text = match.group().lower()
        kind = _kind(text)
        if kind is not Kind.stop:
            clause.append(_Word(kind, match.start(), match.end(), text))
        elif clause:
            clauses.append([*clause, _END])
            clause = []
    if clause:
        clauses.append([*clause, _END])
    return clauses


def _kind(text: str) -> Kind:
    kind = _KINDS.get(text)
    if kind is not None:
        return kind
    if text in ",.;:!?()":
        return Kind.stop
    if text.isdigit() or _ADJECTIVE.fullmatch(text):
        return Kind.modifier
    if "-" in text:  # "dark-blue", "upper-left"
        kinds = {_KINDS.get(part) for part in text.split("-")}
        if len(kinds) == 1 and kinds <= {Kind.modifier, Kind.side}:
            return kinds.pop() or Kind.noun
    return Kind.noun


def _noun_phrase(clause: list[_Word]) -> tuple[list[int], list[int], int]:
    """Reads the noun phrase a clause starts with: its nouns, the sides before them, where it ends."""
    nouns: list[int] = []
    sides: list[int] = []
    i = 0
    while (kind := clause[i].kind) is not Kind.stop:
        ahead = clause[i + 1]
        if _is_noun(kind, ahead.kind, bool(nouns)):
            nouns.append(i)
        elif kind is Kind.measure:
            i += 1  # over its "of"
        elif kind in (Kind.side, Kind.centre) and not nouns:
            if ahead.kind is Kind.of or ahead.text in _PLACE_NOUNS:  # "left of the road", "the left side"
                return [], [], i
            sides += [i - 1, i] if clause[i - 1].text == "far" else [i]
        elif kind not in (_AFTER_NOUN if nouns and clause[i - 1].kind is not Kind.join else _BEFORE_NOUN):
            break
        i += 1
    if not nouns:
        return [], [], sides[0] if sides else i
    unknown_verb = kind in _AFTER_UNKNOWN_VERB and clause[i + 1].kind not in (Kind.degree, Kind.compare)
    if unknown_verb and len(nouns) > 1 and nouns[-1] == i - 1:
        i = nouns.pop()
    return nouns, sides, i


def _is_noun(kind: Kind, ahead: Kind, started: bool) -> bool:
    """Whether a word of this kind is one of the nouns, of which some may have `started` the noun phrase."""
    match kind:
        case Kind.noun:
            return True
        case Kind.measure:
            return ahead is not Kind.of
        case Kind.motion:
            return not (started and ahead in _AFTER_VERB)
        case Kind.centre:
            return started
        case _:
            return False


def _opening(clause: list[_Word], begin: int, floor: int) -> int | None:
    """Start of the first position phrase from `begin` on; words leading into it may reach back to `floor`."""
    for i in range(begin, len(clause) - 1):
        kind, ahead = clause[i].kind, clause[i + 1].kind
        if kind in _VERBS:
            opens = ahead in _AFTER_VERB
        elif kind is Kind.noun:
            opens = ahead in _AFTER_UNKNOWN_VERB
        else:
            opens = kind in _OPENS and not _is_colour(clause, i)
        if opens:
            while i > floor and clause[i - 1].kind in _LEADS:
                i -= 1
            return i
    return None


def _is_colour(clause: list[_Word], i: int) -> bool:
    """Whether a preposition only introduces modifiers: the vehicle "in red"."""
    if clause[i].kind is not Kind.place or clause[i + 1].kind is not Kind.modifier:
        return False
    return clause[i + 2].kind in (Kind.stop, Kind.place, Kind.link)


def _spans(clause: list[_Word], indices: list[int]) -> list[Span]:
    """Character spans of word indices, one for each run of neighbours."""
    spans: list[Span] = []
    last = None
    for i in indices:
        if last is not None and i == last + 1:
            spans[-1] = (spans[-1][0], clause[i].end)
        else:
            spans.append((clause[i].start, clause[i].end))
        last = i
    return spans
