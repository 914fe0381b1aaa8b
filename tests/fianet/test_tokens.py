"""Word pieces, their masks, where vocabularies come from, and the shipped one."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transformers import BertTokenizerFast

from fianet.decouple import decouple
from fianet.tokens import SHIPPED, Places, Tokenizer
from fianet.vocabulary import train

SENTENCE = "The gray vehicle is on the left of the storage tank"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(None)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made vocabulary with BERT's odd order: [PAD] first, the others far behind."""
    folder = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [
        "[PAD]",
        "[unused0]",
        *letters,
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        "-",
        ",",
        "the",
        "ship",
        "##s",
    ]
    pieces += ["on", "left", *(f"##{letter}" for letter in letters if letter != "s"), "veh", "##icle"]
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return folder


def words(tokenizer: Tokenizer, ids: np.ndarray, mask: np.ndarray) -> list[str]:
    return [tokenizer._backend.id_to_token(i) for i in ids[mask == 1]]


def test_masks_cover_exactly_the_pieces_of_the_spans(tokenizer: Tokenizer) -> None:
    tokens = tokenizer(SENTENCE, 20)
    assert words(tokenizer, tokens.ids, tokens.context_mask) == ["[CLS]", *SENTENCE.lower().split(), "[SEP]"]
    assert words(tokenizer, tokens.ids, tokens.object_mask) == ["vehicle"]
    assert words(tokenizer, tokens.ids, tokens.position_mask) == SENTENCE.split()[4:]
    assert all(row.shape == (20,) and row.dtype == np.int64 for row in tokens)


def test_a_word_of_many_pieces_is_marked_whole(tokenizer: Tokenizer) -> None:
    tokens = tokenizer("the vehcile on the left", 20)
    pieces = words(tokenizer, tokens.ids, tokens.object_mask)
    assert len(pieces) > 1
    assert "".join(piece.removeprefix("##") for piece in pieces) == "vehcile"


def test_accents_and_signs_do_not_shift_the_masks(tokenizer: Tokenizer) -> None:
    tokens = tokenizer("🚗🚗 the gray véhicle, 車 on thé left", 20)
    assert words(tokenizer, tokens.ids, tokens.object_mask) == ["vehicle"]
    assert words(tokenizer, tokens.ids, tokens.position_mask) == ["on", "the", "left"]


def test_without_object_or_position_the_context_is_used(tokenizer: Tokenizer) -> None:
    tokens = tokenizer("the gray", 6)
    assert tokens.context_mask.tolist() == [1, 1, 1, 1, 0, 0]
    assert np.array_equal(tokens.object_mask, tokens.context_mask)
    assert np.array_equal(tokens.position_mask, tokens.context_mask)


def test_a_cut_sentence_keeps_sep_last_and_cut_off_spans_fall_back(tokenizer: Tokenizer) -> None:
    tokens = tokenizer(SENTENCE, 6)
    assert words(tokenizer, tokens.ids, tokens.context_mask) == [
        "[CLS]",
        "the",
        "gray",
        "vehicle",
        "is",
        "[SEP]",
    ]
    assert tokens.object_mask.tolist() == [0, 0, 0, 1, 0, 0]
    assert np.array_equal(tokens.position_mask, tokens.context_mask)
    assert tokenizer.length(SENTENCE) == len(SENTENCE.split()) + 2


def test_places_are_marked_whatever_stands_there(tokenizer: Tokenizer) -> None:
    tokens = tokenizer("the ship", 6, lambda sentence: Places((2, 3, 4), (1, 9)))
    assert tokens.context_mask.tolist() == [1, 1, 1, 1, 0, 0]
    assert tokens.object_mask.tolist() == [0, 0, 1, 1, 1, 0]
    assert tokens.position_mask.tolist() == [0, 1, 0, 0, 0, 0]


def test_without_places_the_object_is_nothing_and_the_position_the_context(tokenizer: Tokenizer) -> None:
    for beyond in ((), (6, 60)):
        tokens = tokenizer("the ship", 6, lambda sentence, places=beyond: Places(places, places))
        assert not tokens.object_mask.any()
        assert np.array_equal(tokens.position_mask, tokens.context_mask)


def test_rows_do_not_share_memory(tokenizer: Tokenizer) -> None:
    tokens = tokenizer("the gray", 6)
    tokens.object_mask[:] = 0
    assert tokens.context_mask.sum() == 4


@given(st.text(), st.integers(2, 30))
@example("[SEP] [PAD] ship", 8)
@example("ship " * 500, 22)
def test_any_text_gives_full_rows(sentence: str, max_tokens: int) -> None:
    tokenizer = Tokenizer.load(None)
    ids, context, objects, positions = tokenizer(sentence, max_tokens)
    used = context.sum()
    assert used == min(tokenizer.length(sentence), max_tokens)
    assert (ids[0], ids[used - 1]) == (2, 3)
    assert not ids[used:].any()
    assert ((ids >= 0) & (ids < tokenizer.vocab_size)).all()
    for mask in (context, objects, positions):
        assert set(mask.tolist()) <= {0, 1}
        assert mask.any()
        assert not mask[used:].any()


def test_too_few_tokens_is_an_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="max_tokens=1"):
        tokenizer(SENTENCE, 1)


@pytest.mark.parametrize(
    "sentence",
    [
        "The SHIPS on the left",
        "vehicle, a-b",
        "Véhicle  ships\t",
        "車 ship",
        "",
        "[SEP] ship [MASK]",
        "x" * 120,
    ],
)
def test_ids_equal_berts_own_tokenizer(bert_folder: Path, sentence: str) -> None:
    reference = BertTokenizerFast(str(bert_folder / "vocab.txt"), do_lower_case=True)
    expected = reference(sentence, max_length=12, padding="max_length", truncation=True)
    tokens = Tokenizer.load(str(bert_folder))(sentence, 12)
    assert tokens.ids.tolist() == expected["input_ids"]
    assert tokens.context_mask.tolist() == expected["attention_mask"]


def test_tokenizer_json_and_vocab_txt_give_the_same(bert_folder: Path, tmp_path: Path) -> None:
    BertTokenizerFast(str(bert_folder / "vocab.txt"), do_lower_case=True).save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    saved, listed = Tokenizer.load(str(tmp_path)), Tokenizer.load(str(bert_folder))
    assert saved.vocab_size == listed.vocab_size
    for one, other in zip(
        saved("The ships, on the left", 12), listed("The ships, on the left", 12), strict=True
    ):
        assert np.array_equal(one, other)


def test_padding_and_truncation_stored_in_a_file_are_ignored(bert_folder: Path, tmp_path: Path) -> None:
    backend = Tokenizer.load(str(bert_folder))._backend
    backend.enable_truncation(3)
    backend.enable_padding(length=50)
    backend.save(str(tmp_path / "tokenizer.json"))
    assert Tokenizer.load(str(tmp_path)).length("the ship on the left") == 7


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "neither tokenizer.json nor vocab.txt"),
        ({"vocab.txt": "[PAD]\nship\n"}, r"vocab.txt: .*\[UNK\], \[CLS\], \[SEP\]"),
        ({"vocab.txt": ""}, "vocab.txt"),
        ({"tokenizer.json": "{"}, "tokenizer.json: no usable vocabulary"),
    ],
)
def test_an_unusable_folder_says_what_is_wrong(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        Tokenizer.load(str(tmp_path))


@pytest.mark.parametrize("pretrained", ["bert-base-never-made", "some/where/else", "/no/such/folder"])
def test_offline_hub_id_says_what_to_pass(
    pretrained: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"model\.text\.pretrained=DIR"):
        Tokenizer.load(pretrained)


def test_goes_to_worker_processes(tokenizer: Tokenizer) -> None:
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert np.array_equal(copy(SENTENCE, 20).ids, tokenizer(SENTENCE, 20).ids)


def test_needs_neither_torch_nor_transformers() -> None:
    code = "import sys; from fianet.tokens import Tokenizer; Tokenizer.load(None); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"torch", "transformers"} & set(loaded.split())


# --- the shipped vocabulary ------------------------------------------------------------------------


def test_training_gives_the_shipped_file_bit_for_bit(tmp_path: Path) -> None:
    train.main(tmp_path / "vocab.txt")
    assert (tmp_path / "vocab.txt").read_bytes() == (SHIPPED / "vocab.txt").read_bytes()


def test_every_word_of_its_lists_is_one_piece(tokenizer: Tokenizer) -> None:
    text = " ".join((train.CLASSES, train.ATTRIBUTES, train.PLACES, train.RELATIONS))
    for word in text.replace(",", " ").replace("-", " ").split():
        assert tokenizer.length(word) == 3, word


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=90))
def test_plain_text_is_never_unknown(text: str) -> None:
    tokenizer = Tokenizer.load(None)
    if not any(special in text for special in train.SPECIALS):
        assert 1 not in tokenizer(text, 200).ids


def test_real_sentences_take_about_a_piece_a_word(tokenizer: Tokenizer, shared: Path) -> None:
    lines = (shared / "data" / "rrsisd_text" / "refs.jsonl").read_text().splitlines()
    sentences = [json.loads(line)["sentence"] for line in lines]
    pieces = sum(tokenizer.length(sentence) - 2 for sentence in sentences)
    assert pieces / sum(len(sentence.split()) for sentence in sentences) < 1.05


def test_real_objects_and_positions_become_masks(tokenizer: Tokenizer, shared: Path) -> None:
    lines = (shared / "data" / "rrsisd_text" / "refs.jsonl").read_text().splitlines()
    for sentence in {json.loads(line)["sentence"] for line in lines}:
        tokens, spans = tokenizer(sentence, 22), decouple(sentence)
        marked = "".join(sentence[start:end] for start, end in spans.object).lower().replace(" ", "")
        assert "".join(words(tokenizer, tokens.ids, tokens.object_mask)) == marked
        same = np.array_equal(tokens.position_mask, tokens.context_mask)
        assert same == (not spans.position)
