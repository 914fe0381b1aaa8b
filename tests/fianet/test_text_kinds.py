"""Text encoders of other classes than BERT: loaded, frozen and masked alike, and decoders refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor

from fianet.text import TextEncoder, freeze_bert, layers, pretrained_bert, read

SIZES: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
CONFIGS = {
    "bert": transformers.BertConfig(**SIZES),
    "roberta": transformers.RobertaConfig(**SIZES, pad_token_id=1),
    "distilbert": transformers.DistilBertConfig(
        vocab_size=60, dim=32, n_layers=3, n_heads=2, hidden_dim=64, max_position_embeddings=64
    ),
    "modernbert": transformers.ModernBertConfig(
        **SIZES,
        local_attention=8,
        global_attn_every_n_layers=2,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        cls_token_id=2,
        sep_token_id=3,
    ),
    "electra": transformers.ElectraConfig(**SIZES, embedding_size=16),
}


@pytest.fixture(params=CONFIGS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An encoder with random weights in a directory, as a user would pass it."""
    torch.manual_seed(0)
    transformers.AutoModel.from_config(CONFIGS[request.param]).save_pretrained(tmp_path)
    return tmp_path


def words(length: int = 16) -> Tensor:
    return torch.randint(5, 60, (2, length), generator=torch.Generator().manual_seed(2))


def test_features_are_those_of_the_class_under_its_own_mask(folder: Path) -> None:
    """Longer than ModernBERT's window, of which some layers have one."""
    bert, ids = pretrained_bert(str(folder), 60), words()
    mask = torch.ones_like(ids)
    mask[1, 11:] = 0
    with torch.no_grad():
        ours = read(bert, ids, mask)
        theirs = bert(ids, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(ours[mask == 1], theirs[mask == 1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_mask_of_zeros_reads_every_place_alike(folder: Path, precision: torch.dtype) -> None:
    bert, ids = pretrained_bert(str(folder), 60), words(4)
    zeros = torch.zeros_like(ids)

    def features() -> Tensor:
        with torch.no_grad(), torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            return TextEncoder(bert, {"object"})(ids, zeros + 1, zeros, zeros + 1)["object"].features

    before = features()
    assert before.isfinite().all()
    for name, weight in bert.named_parameters():
        if any(part in name for part in ("query", "key", "q_lin", "k_lin")):
            torch.nn.init.normal_(weight)
        elif "Wqkv" in name:
            torch.nn.init.normal_(weight[: 2 * len(weight) // 3])
    torch.testing.assert_close(features(), before, atol=2e-2 if precision == torch.bfloat16 else 1e-5, rtol=0)


def test_only_the_first_layers_train(folder: Path) -> None:
    bert = pretrained_bert(str(folder), 60)
    freeze_bert(bert, trained_layers=2, train_embeddings=False)
    trained = [any(weight.requires_grad for weight in layer.parameters()) for layer in layers(bert)]
    assert trained == [True, True, False]
    assert not any(weight.requires_grad for weight in bert.embeddings.parameters())
    freeze_bert(bert, trained_layers=0, train_embeddings=False)
    assert not any(weight.requires_grad for weight in bert.parameters())
    freeze_bert(bert, trained_layers=0, train_embeddings=True)
    assert all(weight.requires_grad for weight in bert.embeddings.parameters())


def test_there_is_no_pooler(folder: Path) -> None:
    assert not any("pooler" in name for name, _ in pretrained_bert(str(folder), 60).named_parameters())


def test_without_numbers_the_class_is_built_and_no_weights_are_read(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with torch.device("meta"):
        bert = pretrained_bert(str(folder), 60)
    assert len(layers(bert)) == 3


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            transformers.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=2, n_positions=64),
            "gpt2 has no embeddings and layers",
        ),
        (
            transformers.LlamaConfig(**SIZES, num_key_value_heads=2, pad_token_id=0),
            "llama has no embeddings and layers",
        ),
        (
            transformers.BartConfig(
                vocab_size=60,
                d_model=32,
                encoder_layers=1,
                decoder_layers=1,
                encoder_ffn_dim=32,
                decoder_ffn_dim=32,
            ),
            "bart is encoder and decoder in one",
        ),
    ],
)
def test_decoders_are_refused_in_two_lines(config: Any, said: str, tmp_path: Path) -> None:
    transformers.AutoModel.from_config(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=said) as error:
        pretrained_bert(str(tmp_path), 60)
    assert str(error.value).startswith(f"model.text.pretrained={tmp_path}: ")
    assert str(error.value).count("\n") == 1


def test_an_encoder_that_reads_backwards_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transformers.AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    monkeypatch.setattr("fianet.text.read", lambda bert, ids, mask: ids[..., None].cumsum(1).float())
    with pytest.raises(ValueError, match="reads no word that comes later: it is a decoder"):
        pretrained_bert(str(tmp_path), 60)


def test_code_beside_the_weights_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}')
    (tmp_path / "own.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    with pytest.raises(ValueError, match="cannot be loaded"):
        pretrained_bert(str(tmp_path), 60)
    assert not (tmp_path / "executed").exists()
