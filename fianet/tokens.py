"""Turns a sentence into word-piece ids and the masks of its context, object and position words.

Only the `tokenizers` library is needed, neither torch nor transformers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import models, normalizers, pre_tokenizers

from fianet.decouple import Span, Spans, decouple

SHIPPED = Path(__file__).with_name("vocabulary")
_PAD, _UNKNOWN, _FIRST, _LAST = _NEEDED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
# what RoBERTa and others call them
_OTHERS = {_PAD: "<pad>", _UNKNOWN: "<unk>", _FIRST: "<s>", _LAST: "</s>"}

Row = NDArray[np.int64]


class Tokens(NamedTuple):
    """One sentence as rows of N = max_tokens numbers: `[CLS] words [SEP]`, then padding.

    ids: positions in the vocabulary. The masks are 0 or 1 and final, models apply them as they are: context over
    everything but padding, object and position over the word pieces of their words, or equal to the context where
    there are none (of `Places`, an object mask may be all 0).
    """

    ids: Row
    context_mask: Row
    object_mask: Row
    position_mask: Row


@dataclass(frozen=True)
class Places:
    """Places of a row, [CLS] at 0, that are marked whatever stands there. Those behind the row are left out."""

    object: tuple[int, ...]
    position: tuple[int, ...]

    def masks(self, context: Row) -> tuple[Row, Row]:
        """Object mask, all 0 where no place is marked (as published), and position mask, then the context."""
        thing, where = (_marked(places, context) for places in (self.object, self.position))
        return thing, where if where.any() else context.copy()


class Tokenizer:
    """A tokenizer into word pieces, or bytes, that knows which pieces belong to which characters.

    Args:
        backend: The tokenizer; its vocabulary must have [PAD], [UNK], [CLS] and [SEP], or RoBERTa's names of them.

    Raises:
        ValueError: A special token is missing.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        vocabulary = backend.get_vocab()
        # a vocabulary may hold both kinds of names: what it begins a sentence with tells which are used
        others = _OTHERS[_FIRST] in backend.encode("").tokens
        names = [(_OTHERS[token], token) if others else (token, _OTHERS[token]) for token in _NEEDED]
        special = [next((name for name in either if name in vocabulary), either[1]) for either in names]
        missing = [token for token, found in zip(_NEEDED, special, strict=True) if found not in vocabulary]
        if missing:
            raise ValueError(f"it has no {', '.join(missing)}")
        backend.no_truncation()
        backend.no_padding()
        self._backend = backend
        self._pad, self._unknown, self._first, self._last = (vocabulary[token] for token in special)

    @classmethod
    def load(cls, pretrained: str | None = None) -> Self:
        """Reads a vocabulary.

        Args:
            pretrained: A folder with tokenizer.json or vocab.txt (lower case), or a hub id such as
                `bert-base-uncased`; none: the small vocabulary that comes with the package.

        Raises:
            ValueError: There is no such folder or hub entry, or it holds no usable vocabulary.
        """
        folder = SHIPPED if pretrained is None else _locate(pretrained)
        for name, read in (("tokenizer.json", _read_json), ("vocab.txt", _read_vocabulary)):
            file = folder / name
            if file.is_file():
                try:
                    return cls(read(file))
                except Exception as error:  # the library raises bare Exception for a damaged file
                    raise ValueError(
                        f"{file}: no usable vocabulary ({error}); pass another folder"
                    ) from error
        raise ValueError(f"{folder} holds neither tokenizer.json nor vocab.txt; pass a folder that does")

    @property
    def vocab_size(self) -> int:
        """Number of word pieces, special ones included."""
        return int(self._backend.get_vocab_size())

    def length(self, sentence: str) -> int:
        """Number of word pieces of the uncut sentence, [CLS] and [SEP] included."""
        return len(self._backend.encode(sentence, add_special_tokens=False).ids) + 2

    def pieces(self, sentence: str) -> list[Span]:
        """Where in the uncut sentence each word piece stands: half-open character ranges."""
        offsets = self._backend.encode(sentence, add_special_tokens=False).offsets
        return [_without_space(sentence, span) for span in offsets]

    def unknown(self, sentence: str) -> list[str]:
        """The words of a sentence that the vocabulary does not know: a model reads the same [UNK] for each of them."""
        pieces = self._backend.encode(sentence, add_special_tokens=False)
        places = zip(pieces.ids, pieces.offsets, strict=True)
        return [sentence[start:end].strip() for number, (start, end) in places if number == self._unknown]

    def names(self, ids: Iterable[int]) -> list[str]:
        """The pieces that ids stand for, special ones included."""
        return [self._backend.id_to_token(int(number)) or _UNKNOWN for number in ids]

    def __call__(
        self, sentence: str, max_tokens: int, decoupler: Callable[[str], Spans | Places] = decouple
    ) -> Tokens:
        """Encodes a sentence, cut or padded to `max_tokens`.

        Args:
            sentence: Any text.
            max_tokens: N, at least 2; a cut sentence keeps [SEP] last.
            decoupler: Finds object and position, as characters of the sentence or as places of the row.
        """
        if max_tokens < 2:
            raise ValueError(f"max_tokens={max_tokens} leaves no room for [CLS] and [SEP]; pass 3 or more")
        pieces = self._backend.encode(sentence, add_special_tokens=False)
        words = pieces.ids[: max_tokens - 2]
        ids = np.full(max_tokens, self._pad, np.int64)
        ids[: len(words) + 2] = [self._first, *words, self._last]
        context = np.zeros(max_tokens, np.int64)
        context[: len(words) + 2] = 1
        marks = decoupler(sentence)
        if isinstance(marks, Places):
            return Tokens(ids, context, *marks.masks(context))
        offsets = [_without_space(sentence, span) for span in pieces.offsets[: len(words)]]
        return Tokens(
            ids, context, _mask(offsets, marks.object, context), _mask(offsets, marks.position, context)
        )


def _without_space(sentence: str, span: Span) -> Span:
    """The same piece without the space before it, which tokenizers into bytes take for a part of the word."""
    start, end = span
    return end - len(sentence[start:end].lstrip()), end


def _mask(offsets: Sequence[Span], spans: Sequence[Span], context: Row) -> Row:
    """1 at the pieces that share a character with a span, shifted by [CLS]; the context if there is none."""
    mask = np.zeros_like(context)
    for i, (start, end) in enumerate(offsets, start=1):
        mask[i] = any(start < span_end and span_start < end for span_start, span_end in spans)
    return mask if mask.any() else context.copy()


def _marked(places: Iterable[int], context: Row) -> Row:
    mask = np.zeros_like(context)
    mask[[place for place in places if place < len(mask)]] = 1
    return mask


def _locate(pretrained: str) -> Path:
    """The folder of a vocabulary, from the hub (or its cache) if it is none here."""
    path = Path(pretrained)
    if path.is_dir():
        return path
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(pretrained, allow_patterns=["tokenizer.json", "vocab.txt"]))
    except Exception as error:  # the hub's client raises a dozen kinds for "cannot have it"
        raise ValueError(
            f"model.text.pretrained={pretrained}: no such folder, and the hub has or gives none "
            f"({type(error).__name__}); pass model.text.pretrained=DIR, a folder with tokenizer.json or "
            "vocab.txt"
        ) from error


def _read_json(file: Path) -> tokenizers.Tokenizer:
    return tokenizers.Tokenizer.from_file(str(file))


def _read_vocabulary(file: Path) -> tokenizers.Tokenizer:
    """BERT's lower-case tokenizer over a list of pieces, one a line."""
    pieces = file.read_text(encoding="utf-8").split("\n")
    vocabulary = {piece: i for i, piece in enumerate(pieces) if piece}
    backend = tokenizers.Tokenizer(models.WordPiece(vocabulary, unk_token=_UNKNOWN))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.add_special_tokens([token for token in (*_NEEDED, "[MASK]") if token in vocabulary])
    return backend
