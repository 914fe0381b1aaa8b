"""Ways to split a sentence into object and position words: our rules, none, or as the published code does.

Imports no torch; NLTK (extra `[paper]`) only where it is asked for.
"""

from collections.abc import Callable, Iterable

from bench.config.schema import Decoupler
from bench.terminal.errors import UserError
from fianet.decouple import Span, Spans, decouple
from fianet.tokens import Tokenizer

Split = Callable[[str], Spans]
Tagger = Callable[[list[str]], list[tuple[str, str]]]

# a preposition with the noun phrase after it
CHUNKS = "PP: {<IN|TO><DT|PRP.*|CD>*<JJ.*|RB.*|VB.*>*<NN.*>+}"
TAGS = "averaged_perceptron_tagger_eng"


def make_decoupler(name: Decoupler, tokenizer: Tokenizer, categories: Iterable[str]) -> Split:
    """The decoupler of a protocol.

    Args:
        name: `rules`, `context` or `nltk`.
        tokenizer: Of the model; the published code confuses its word pieces with words.
        categories: Names of the data set's classes.

    Raises:
        UserError: NLTK or its tagger is not installed.
    """
    match name:
        case Decoupler.rules:
            return decouple
        case Decoupler.context:
            return whole_sentence
        case Decoupler.nltk:
            return AsPublished(tokenizer, categories, nltk_tagger())


def whole_sentence(sentence: str) -> Spans:
    """No object and no position words: the model reads the whole sentence three times."""
    return Spans((), ())


class AsPublished:
    """What FIANet's released code marks, misalignment included, for reproduction.

    Object: every word that holds the name of any class of the data set, the target's and landmarks' alike ("car" is
    also found in "cart"). Position: prepositional phrases found by NLTK, without those in which the letters "of" occur
    (also in "roof"). Both are *word* numbers, and are used as numbers of *word pieces*: after a word of two pieces
    everything is marked one piece too early. The chunk grammar is ours; what the paper's code uses is not published.

    Args:
        tokenizer: Says where the pieces are.
        categories: Names of the classes.
        tag: From words to (word, part of speech).
    """

    def __init__(self, tokenizer: Tokenizer, categories: Iterable[str], tag: Tagger) -> None:
        from nltk import RegexpParser
        from nltk.tokenize import NLTKWordTokenizer

        self._tokenizer = tokenizer
        self._categories = [name.lower() for name in categories]
        self._tag = tag
        self._words = NLTKWordTokenizer()
        self._chunks = RegexpParser(CHUNKS)

    def __call__(self, sentence: str) -> Spans:
        """The characters of the pieces that the published code would mark."""
        if not sentence.strip():
            return Spans((), ())
        spans = list(self._words.span_tokenize(sentence))
        pieces = self._tokenizer.pieces(sentence)

        def marked(words: Iterable[int]) -> tuple[Span, ...]:
            return tuple(pieces[word] for word in words if word < len(pieces))

        return Spans(marked(self._object(sentence.lower(), spans)), marked(self._position(sentence, spans)))

    def _object(self, sentence: str, spans: list[Span]) -> list[int]:
        found = [
            (at, at + len(name))
            for name in self._categories
            for at in range(len(sentence))
            if sentence.startswith(name, at)
        ]
        return [
            word
            for word, (start, end) in enumerate(spans)
            if any(start < last and first < end for first, last in found)
        ]

    def _position(self, sentence: str, spans: list[Span]) -> list[int]:
        words = [sentence[start:end] for start, end in spans]
        position: list[int] = []
        word = 0
        for chunk in self._chunks.parse(self._tag(words)):
            length = 1 if isinstance(chunk, tuple) else len(chunk)
            if not isinstance(chunk, tuple) and "of" not in " ".join(words[word : word + length]):
                position += range(word, word + length)
            word += length
        return position


def nltk_tagger() -> Tagger:
    """NLTK's part-of-speech tagger.

    Raises:
        UserError: NLTK or its data is not installed.
    """
    try:
        from nltk import pos_tag
    except ImportError:
        raise UserError(
            "protocol.decoupler=nltk: NLTK is not installed.", "Run `pip install 'fianet-bench[paper]'`."
        ) from None
    try:
        pos_tag(["ship"])
    except LookupError:
        raise UserError(
            f"protocol.decoupler=nltk: NLTK's data {TAGS} is not on this machine.",
            f"Run `python -m nltk.downloader {TAGS}` once, where there is internet.",
        ) from None
    return pos_tag
