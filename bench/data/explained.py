"""A sentence with all that a decoupler marks in it, and why. Imports no torch."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.data.as_published import Reading
from bench.data.decouplers import AsPublished, Split, whole_sentence
from fianet.decouple import Kind, Span, Spans, decouple, words
from fianet.tokens import Row, Tokenizer, Tokens

_SIDES = {Kind.side, Kind.centre, Kind.degree}


@dataclass(frozen=True)
class Explained:
    """One sentence.

    Args:
        tokens: What a model is given.
        pieces: The word piece of each place.
        heard: What the decoupler takes each place for: a word of the grammar, or a word that NLTK tagged, which need
            not be the piece that stands there. Empty where it takes it for nothing.
        why: A line for everything that is marked, or left out.
    """

    sentence: str
    tokens: Tokens
    pieces: tuple[str, ...]
    heard: tuple[str, ...]
    why: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The sentence and its rows, as scripts read them."""
        ids, context, thing, where = (row.tolist() for row in self.tokens)
        return {"sentence": self.sentence, "ids": ids, "context": context, "object": thing, "position": where}


def explain(sentence: str, decoupler: Split, tokenizer: Tokenizer, max_tokens: int) -> Explained:
    """Reads a sentence as a model would.

    Args:
        sentence: Any text.
        decoupler: One of `make_decoupler`'s.
        tokenizer: Of the model.
        max_tokens: Length of the rows.
    """
    tokens = tokenizer(sentence, max_tokens, decoupler)
    pieces = tokenizer.names(tokens.ids)
    why = []
    if (length := tokenizer.length(sentence)) > max_tokens:
        why.append(
            f"only the first {max_tokens - 2} of {length - 2} word pieces are read (max_tokens={max_tokens})"
        )
    if isinstance(decoupler, AsPublished):
        reading = decoupler.read(sentence)
        heard = ["", *(f"{word} {tag}" for word, tag in reading.tagged)]
        why += _published(reading, tokens)
    elif decoupler is decouple:
        heard = _kinds(sentence, tokenizer)[: max_tokens - 1]  # [SEP] follows
        why += _grammar(sentence, decouple(sentence), tokens)
    else:
        assert decoupler is whole_sentence
        heard = []
        why.append("object and position: the whole sentence, as the decoupler is context")
    heard = (heard + [""] * max_tokens)[:max_tokens]
    return Explained(sentence, tokens, tuple(pieces), tuple(heard), tuple(why))


def _published(reading: Reading, tokens: Tokens) -> Iterator[str]:
    max_tokens = len(tokens.ids)
    for found in reading.classes:
        first, word = found.name.split()[0], reading.tagged[found.word][0]
        yield (
            f'object: the class name "{found.name}" is in the sentence; the first word with "{first}" in it is '
            f'"{word}", number {found.word + 1}: {_places(found.places, max_tokens)}'
        )
    if not tokens.object_mask.any():
        yield "object: no class name is marked, so no place: the mask stays all 0, as published"
    for chunk in reading.chunks:
        phrase = " ".join(word for word, _ in reading.tagged[chunk.start : chunk.end])
        tags = " ".join(tag for _, tag in reading.tagged[chunk.start : chunk.end])
        said = f'position: "{phrase}" is {tags}, by the rule {chunk.rule}; '
        if chunk.dropped:
            yield f'{said}dropped, as "of" is in it'
        else:
            word = reading.tagged[chunk.word][0]
            yield f'{said}the first "{word}" is word number {chunk.word + 1}: {_places(chunk.places, max_tokens)}'
    if _is_whole(tokens.position_mask):
        yield "position: no phrase is marked, so the whole sentence"


def _grammar(sentence: str, spans: Spans, tokens: Tokens) -> Iterator[str]:
    for start, end in spans.object:
        yield f'object: "{sentence[start:end]}", nouns of the first noun phrase'
    if _is_whole(tokens.object_mask):
        yield f"object: {'all cut off' if spans.object else 'no noun phrase'}, so the whole sentence"
    for start, end in spans.position:
        inside = [(span, kind) for span, kind in words(sentence) if start <= span[0] < end]
        (first, last), kind = inside[0]
        before = any(end <= begin for begin, _ in spans.object)
        if before and {kind for _, kind in inside} <= _SIDES:
            yield f'position: "{sentence[start:end]}", a side before the noun'
        else:
            yield (
                f'position: "{sentence[start:end]}", a phrase opened by "{sentence[first:last]}" ({kind.name}), '
                "to the end of its clause"
            )
    if _is_whole(tokens.position_mask):
        yield f"position: {'all cut off' if spans.position else 'no phrase'}, so the whole sentence"


def _kinds(sentence: str, tokenizer: Tokenizer) -> list[str]:
    """By place, the kind of the word that the piece is of."""
    known = words(sentence)
    return ["", *(_kind(piece, known) for piece in tokenizer.pieces(sentence))]


def _kind(piece: Span, known: list[tuple[Span, Kind]]) -> str:
    return next((kind.name for (start, end), kind in known if start < piece[1] and piece[0] < end), "")


def _is_whole(mask: Row) -> bool:
    """Whether the context stands in: nothing else marks [CLS]."""
    return bool(mask[0])


def _places(places: range, max_tokens: int) -> str:
    said = f"places {places[0]} to {places[-1]}" if len(places) > 1 else f"place {places[0]}"
    return said if places[-1] < max_tokens else f"{said}, cut off at max_tokens={max_tokens}"
