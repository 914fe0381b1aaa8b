"""The published decoupling, misalignment included. A hand-made tagger stands in for NLTK's download."""

import pytest

from bench.config.schema import Decoupler
from bench.data.decouplers import AsPublished, make_decoupler
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer

nltk = pytest.importorskip("nltk", reason="NLTK (extra [paper]) is not installed")
TAGS = {"on": "IN", "in": "IN", "of": "IN", "the": "DT", "a": "DT", "is": "VBZ", "lower": "JJR", "red": "JJ"}


def tag(words: list[str]) -> list[tuple[str, str]]:
    return [(word, TAGS.get(word.lower(), "NN")) for word in words]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(None)


@pytest.fixture
def published(tokenizer: Tokenizer) -> AsPublished:
    return AsPublished(tokenizer, ["car", "ship"], tag)


def said(sentence: str, spans: tuple[tuple[int, int], ...]) -> list[str]:
    return [sentence[start:end] for start, end in spans]


def test_target_and_landmark_are_marked_alike_and_phrases_with_of_are_dropped(published: AsPublished) -> None:
    sentence = "the ship is on the left of the car in the middle"
    spans = published(sentence)
    assert said(sentence, spans.object) == ["ship", "car"]
    assert said(sentence, spans.position) == ["on", "the", "left", "in", "the", "middle"]


def test_letters_of_in_a_roof_drop_a_phrase_too(published: AsPublished) -> None:
    assert published("the car in the roof").position == ()


def test_class_name_inside_another_word_is_found(published: AsPublished) -> None:
    sentence = "the scarf"
    assert published(sentence).object


def test_a_word_of_several_pieces_shifts_all_marks_after_it(
    published: AsPublished, tokenizer: Tokenizer
) -> None:
    sentence = "the xylophone ship"
    pieces = tokenizer.pieces(sentence)
    assert len(pieces) > 3, "the first noun is not one piece"
    (marked,) = published(sentence).object
    assert marked == pieces[2] != (14, 18)


def test_empty_sentence_has_no_words(published: AsPublished) -> None:
    for sentence in ("", " "):
        spans = published(sentence)
        assert (spans.object, spans.position) == ((), ())


def test_context_marks_nothing(tokenizer: Tokenizer) -> None:
    spans = make_decoupler(Decoupler.context, tokenizer, [])("the ship on the left")
    assert (spans.object, spans.position) == ((), ())


def test_missing_tagger_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tokenizer: Tokenizer) -> None:
    def nowhere(words: list[str]) -> list[tuple[str, str]]:
        raise LookupError

    monkeypatch.setattr(nltk, "pos_tag", nowhere)
    with pytest.raises(UserError, match="not on this machine") as caught:
        make_decoupler(Decoupler.nltk, tokenizer, [])
    assert "nltk.downloader" in caught.value.remedy
