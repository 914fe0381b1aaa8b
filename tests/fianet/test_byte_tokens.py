"""Tokenizers into bytes, as RoBERTa's and ModernBERT's: their special tokens, and the pieces of every word."""

from pathlib import Path

import pytest
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Backend
from transformers import PreTrainedTokenizerFast

from fianet.tokens import Tokenizer

SENTENCE = "The gray vehicle is on the left of the storage tank"
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>")
MODERN = ("[CLS]", "[PAD]", "[SEP]", "[UNK]")


@pytest.fixture(params=[ROBERTA, MODERN], ids=["roberta", "modernbert"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Byte pairs with the special tokens of a family, and with its way to handle the space before a word."""
    first, _, last, _ = request.param
    backend = Backend(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=[AddedToken(each, special=True) for each in request.param],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    backend.train_from_iterator([SENTENCE] * 20 + ["ships at the top"] * 5, trainer)
    ends = [(each, backend.token_to_id(each)) for each in (first, last)]
    if request.param is ROBERTA:
        backend.post_processor = processors.RobertaProcessing(ends[1], ends[0], trim_offsets=True)
    else:
        backend.post_processor = processors.TemplateProcessing(f"{first} $A {last}", None, ends)
    backend.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_ids_are_those_of_transformers(folder: Path) -> None:
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    for sentence in (SENTENCE, "ships", " two  spaces", "a véhicle, 車"):
        tokens = Tokenizer.load(str(folder))(sentence, 64)
        assert tokens.ids[tokens.context_mask == 1].tolist() == theirs(sentence).input_ids
        assert set(tokens.ids[tokens.context_mask == 0].tolist()) == {1}, "the family's padding"


def test_masks_cover_exactly_the_pieces_of_the_words(folder: Path) -> None:
    tokenizer = Tokenizer.load(str(folder))
    tokens = tokenizer(SENTENCE, 64)

    def text(mask: object) -> str:
        return "".join(tokenizer.names(tokens.ids[mask == 1])).replace("Ġ", " ").strip()

    assert text(tokens.object_mask) == "vehicle"
    assert text(tokens.position_mask) == "on the left of the storage tank"


def test_the_first_word_of_a_sentence_is_marked_too(folder: Path) -> None:
    tokenizer = Tokenizer.load(str(folder))
    tokens = tokenizer("ships at the top", 64)
    assert "".join(tokenizer.names(tokens.ids[tokens.object_mask == 1])) == "ships"


def test_pieces_stand_where_their_words_do(folder: Path) -> None:
    tokenizer = Tokenizer.load(str(folder))
    pieces = tokenizer.pieces(SENTENCE)
    assert "".join(SENTENCE[start:end] for start, end in pieces) == SENTENCE.replace(" ", "")
    assert tokenizer.unknown("a véhicle, 車") == []


def test_of_two_kinds_of_special_tokens_those_that_begin_a_sentence_are_used() -> None:
    pieces = ["<s>", "<pad>", "</s>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "ship"]
    backend = Backend(
        models.WordPiece({piece: place for place, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    assert Tokenizer(backend)("ship", 5).ids.tolist() == [0, 7, 2, 1, 1]
