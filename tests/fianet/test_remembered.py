"""A frozen text encoder computes every phrase of every sentence once, and keeps it."""

import pytest
import torch
from torch import Tensor

from bench.config.compose import configuration
from bench.config.identity import FROZEN_VERSION, identity
from fianet.remembered import Remembered, remember
from fianet.text import PHRASES, TextEncoder, freeze_bert, random_bert


def frozen(dropout: float = 0.1) -> TextEncoder:
    torch.manual_seed(0)
    bert = random_bert(60, width=32, layers=2, heads=2, dropout=dropout)
    freeze_bert(bert, trained_layers=0, train_embeddings=False)
    return TextEncoder(bert, PHRASES)


def words(samples: int = 3) -> list[Tensor]:
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(1, 60, (samples, 6), generator=draw)
    masks = torch.zeros(3, samples, 6, dtype=torch.int64)
    masks[0, :, :5], masks[1, :, 1:2], masks[2, :, 3:5] = 1, 1, 1
    return [ids, *masks]


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """Rows that reached BERT."""
    seen: list[Tensor] = []
    encode = TextEncoder.encode

    def counted(text: TextEncoder, ids: Tensor, mask: Tensor) -> Tensor:
        seen.extend(ids)
        return encode(text, ids, mask)

    monkeypatch.setattr(TextEncoder, "encode", counted)
    return seen


def test_each_phrase_is_computed_once_and_is_what_the_encoder_gives(encoded: list[Tensor]) -> None:
    text = frozen()
    plain = text(*words())
    encoded.clear()
    remember(text)
    for samples in (3, 1, 2):
        given = words(3)
        found = text(*(each[:samples] for each in given))
        for name in PHRASES:
            torch.testing.assert_close(found[name].features, plain[name].features[:samples])
    assert len(encoded) == 9


def test_equal_phrases_are_computed_once(encoded: list[Tensor]) -> None:
    text = frozen()
    remember(text)
    ids, context, *_ = words()
    found = text(ids, context, context, context)
    assert len(encoded) == 3
    assert torch.equal(found["object"].features, found["context"].features)


def test_features_do_not_depend_on_their_batch_nor_on_being_kept() -> None:
    kept, full = frozen(), frozen()
    remember(kept)
    full.encode = Remembered(full, most_bytes=0)  # type: ignore[method-assign]
    together = kept(*words())
    for index in range(3):
        alone = full(*(each[index : index + 1] for each in words()))
        for name in PHRASES:
            assert torch.equal(alone[name].features[0], together[name].features[index])


def test_memory_is_bounded(encoded: list[Tensor]) -> None:
    text = frozen()
    memory = Remembered(text, most_bytes=2 * 6 * 32 * 4)
    text.encode = memory  # type: ignore[method-assign]
    for _ in range(2):
        text(*words())
    assert len(memory.rows) == 2
    assert len(encoded) == 9 + 7


def test_frozen_encoder_has_no_dropout_in_training() -> None:
    text = frozen(dropout=0.5).train()
    assert torch.equal(text(*words())["object"].features, text(*words())["object"].features)
    assert not text.bert.training


def test_encoder_that_trains_is_left_alone() -> None:
    text = TextEncoder(random_bert(60, width=32, layers=2, heads=2, dropout=0.5), PHRASES).train()
    remember(text)
    assert text.bert.training
    assert text(*words())["context"].features.requires_grad


def test_other_weights_forget_and_the_same_do_not(encoded: list[Tensor]) -> None:
    text = frozen()
    remember(text)
    before = text(*words())["context"].features
    whole = torch.nn.ModuleDict({"text": text})
    whole.load_state_dict(whole.state_dict())
    text(*words())
    assert len(encoded) == 9
    assert all(name.startswith("text.bert.") for name in whole.state_dict())
    whole.load_state_dict({name: value * 1.1 for name, value in whole.state_dict().items()})
    assert not torch.allclose(text(*words())["context"].features, before)


def test_what_an_evaluation_kept_serves_a_training_step() -> None:
    text, reader = frozen(), torch.nn.Linear(32, 1)
    remember(text)
    with torch.inference_mode():
        text(*words())
    reader(text(*words())["context"].features).sum().backward()
    assert reader.weight.grad is not None


def test_only_cells_with_a_frozen_text_encoder_are_named_anew() -> None:
    def text(layers: int, embeddings: str) -> dict[str, object]:
        words = [f"model.text.trained_layers={layers}", f"model.text.train_embeddings={embeddings}"]
        found: dict[str, object] = identity(configuration(words), 0, "data", str)["model"]["text"]
        return found

    assert text(0, "false")["frozen"] == FROZEN_VERSION
    for trained in (text(0, "true"), text(1, "false")):
        assert "frozen" not in trained
