"""Ways to split a sentence into object and position words: our rules, none, or as the published code does.

Imports no torch; NLTK (extra `[paper]`) only where it is asked for.
"""

from collections.abc import Callable, Iterable

from bench.config.choices import Decoupler
from bench.data.as_published import Reading, read
from bench.data.classes import human
from bench.terminal.errors import UserError
from fianet.decouple import Spans, decouple
from fianet.tokens import Places

Split = Callable[[str], Spans | Places]
Tagger = Callable[[list[str]], list[tuple[str, str]]]

TAGS = "averaged_perceptron_tagger_eng"


def make_decoupler(name: Decoupler, categories: Iterable[str]) -> Split:
    """The decoupler of a protocol.

    Args:
        name: `rules`, `context` or `nltk`.
        categories: Names of the data set's classes, as it stores them.

    Raises:
        UserError: NLTK or its tagger is not installed.
    """
    match name:
        case Decoupler.rules:
            return decouple
        case Decoupler.context:
            return whole_sentence
        case Decoupler.nltk:
            return AsPublished(categories, nltk_tagger())


def whole_sentence(sentence: str) -> Spans:
    """No object and no position words: the model reads the whole sentence three times."""
    return Spans((), ())


class AsPublished:
    """What FIANet's released code marks, misalignment included, for reproduction.

    After a word of two pieces everything is marked one piece too early, and a sentence without a class name has an
    object mask of zeros. The released code asks NLTK's `word_tokenize`, which first cuts a text into sentences; here a
    text is one sentence, as all of RRSIS-D's are, and the data for that cut is not needed.

    Args:
        categories: Names of the data set's classes, as it stores them.
        tag: From words to (word, part of speech).
    """

    def __init__(self, categories: Iterable[str], tag: Tagger) -> None:
        from nltk.tokenize import NLTKWordTokenizer

        self.classes = list(dict.fromkeys(human(name) for name in categories))
        self._words = NLTKWordTokenizer()
        self._tag = tag

    def __call__(self, sentence: str) -> Places:
        """The places that the released code marks."""
        return self.read(sentence).places

    def read(self, sentence: str) -> Reading:
        """What is marked, and by what it was found."""
        words = self._words.tokenize(sentence)
        return read(sentence, self._tag(words) if words else [], self.classes)


def nltk_tagger() -> Tagger:
    """NLTK's part-of-speech tagger.

    Raises:
        UserError: NLTK or its data is not installed.
    """
    try:
        from nltk import pos_tag
    except ImportError:
        raise UserError(
            "decoupler=nltk: NLTK is not installed.", "Run `pip install 'fianet-bench[paper]'`."
        ) from None
    try:
        pos_tag(["ship"])
    except LookupError:
        raise UserError(
            f"decoupler=nltk: NLTK's data {TAGS} is not on this machine.",
            f"Run `python -m nltk.downloader {TAGS}` once, where there is internet, "
            f"or set NLTK_DATA to a folder that has taggers/{TAGS}.",
        ) from None
    return pos_tag
