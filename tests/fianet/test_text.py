"""The sentence encoder: freezing, pretrained weights, and errors a user can act on."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.config.schema import ModelConfig, TextConfig
from bench.models.build import build
from bench.terminal.errors import UserError
from fianet.attention import ImageLanguageAttention
from fianet.text import PHRASES, TextEncoder, freeze_bert, pretrained_bert, random_bert

VOCABULARY = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A BERT in a directory, as a user would pass it."""
    torch.manual_seed(0)
    random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0).save_pretrained(tmp_path)
    return tmp_path


def test_phrases_encoded_together_are_those_encoded_alone() -> None:
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.1).eval()
    ids = torch.randint(0, VOCABULARY, (2, 6))
    masks = torch.zeros(3, 2, 6, dtype=torch.int64)
    masks[0, :, :5], masks[1, :, 1:2], masks[2, :, 3:5] = 1, 1, 1
    together = TextEncoder(bert, PHRASES)(ids, *masks)
    for name in PHRASES:
        alone = TextEncoder(bert, {name})(ids, *masks)
        torch.testing.assert_close(alone[name].features, together[name].features)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_mask_of_zeros_reads_every_place_alike(precision: torch.dtype) -> None:
    """Uniform attention asks neither queries nor keys; padding is read too, as in the published code."""
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0).eval()
    ids, zeros = torch.randint(0, VOCABULARY, (2, 22)), torch.zeros(2, 22, dtype=torch.int64)

    def read(given: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            return TextEncoder(bert, {"object"})(given, zeros + 1, zeros, zeros + 1)["object"].features

    before, last = read(ids), ids.clone()
    last[:, -1] = (last[:, -1] + 1) % VOCABULARY
    assert before.isfinite().all()
    assert not torch.equal(read(last)[:, 0], before[:, 0])
    for layer in bert.encoder.layer:
        for projection in (layer.attention.self.query, layer.attention.self.key):
            torch.nn.init.normal_(projection.weight)
    torch.testing.assert_close(read(ids), before)


def test_an_object_of_no_word_adds_nothing_to_the_image_and_takes_no_gradient_to_nan() -> None:
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0)
    zeros = torch.zeros(2, 22, dtype=torch.int64)
    phrase = TextEncoder(bert, {"object"})(zeros + 3, zeros + 1, zeros, zeros + 1)["object"]
    gathered = ImageLanguageAttention(16, 32)(torch.randn(2, 25, 16), phrase)
    assert gathered.abs().max() < 1e-3
    gathered.square().sum().backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in bert.parameters())


def test_only_the_first_layers_train() -> None:
    bert = random_bert(VOCABULARY, width=32, layers=3, heads=2, dropout=0.1)
    freeze_bert(bert, trained_layers=2, train_embeddings=False)
    trained = {name.split(".")[2] for name, value in bert.named_parameters() if value.requires_grad}
    assert trained == {"0", "1"}
    assert not any(value.requires_grad for value in bert.embeddings.parameters())


def test_frozen_layers_pass_gradients_to_those_below() -> None:
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0)
    freeze_bert(bert, trained_layers=1, train_embeddings=False)
    ones = torch.ones(1, 4, dtype=torch.int64)
    TextEncoder(bert, {"context"})(ones, ones, ones, ones)["context"].features.square().sum().backward()
    assert bert.encoder.layer[0].attention.self.query.weight.grad is not None
    assert bert.encoder.layer[1].attention.self.query.weight.grad is None


def test_a_directory_gives_its_own_sizes_and_weights(folder: Path) -> None:
    text = TextConfig(pretrained=str(folder), width=768)
    model = build(ModelConfig(text=text), VOCABULARY)
    expected = pretrained_bert(str(folder), VOCABULARY).embeddings.word_embeddings.weight
    assert torch.equal(model.text.bert.embeddings.word_embeddings.weight, expected)


def test_a_directory_with_too_few_word_pieces_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match="knows 60 word pieces, the tokenizer makes 61"):
        pretrained_bert(str(folder), VOCABULARY + 1)


def test_a_checkpoint_with_missing_weights_is_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match="1 weights missing"):
        pretrained_bert(str(folder), VOCABULARY)


def test_offline_without_weights_says_what_to_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="nobody/no-such-bert") as error:
        build(ModelConfig(text=TextConfig(pretrained="nobody/no-such-bert")), VOCABULARY)
    assert "model.text.pretrained=DIR" in error.value.remedy


def test_a_pickled_bert_does_not_execute(folder: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (folder / "executed",)  # type: ignore[return-value]

    (folder / "model.safetensors").unlink()
    torch.save({"embeddings": Hostile()}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match="cannot be loaded"):
        pretrained_bert(str(folder), VOCABULARY)
    assert not (folder / "executed").exists()
