"""The sentence side: BERT features of a sentence under one token mask per phrase."""

from collections.abc import Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel
from transformers.utils import logging

PHRASES = ("context", "object", "position")


class Phrase(NamedTuple):
    """Word features (B,N,D) and the mask (B,N) of the words that count, in {0, 1}."""

    features: Tensor
    mask: Tensor


Sentence = dict[str, Phrase]


class Reader(nn.Module):
    """A module that reads some phrases of the sentence; only what some reader names is encoded."""

    phrases: frozenset[str] = frozenset()


class TextEncoder(nn.Module):
    """Encodes the same words once per phrase, all phrases in one BERT call (FIANet, TGRS 2025, sec. III-B).

    One of which nothing trains stays in eval mode: dropout would blur features that nothing learns to make up for.

    Args:
        bert: The word encoder, without pooler.
        phrases: Which of `PHRASES` the rest of the model reads.
    """

    def __init__(self, bert: BertModel, phrases: Collection[str]) -> None:
        super().__init__()
        self.bert = bert
        self.phrases = tuple(name for name in PHRASES if name in phrases)
        if self.frozen:
            self.eval()

    @property
    def frozen(self) -> bool:
        """Whether nothing of it trains."""
        return not any(each.requires_grad for each in self.bert.parameters())

    def train(self, mode: bool = True) -> "TextEncoder":
        """As every module, but a frozen one stays in eval mode."""
        return super().train(mode and not self.frozen)

    def forward(
        self, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Sentence:
        """ids and masks (B,N) int64 -> the wanted phrases.

        Masks are applied as given. A mask of zeros, as the published code has it for a sentence without a class
        name, is no error: every place of the row is read with the same weight, padding included.
        """
        masks = {"context": context_mask, "object": object_mask, "position": position_mask}
        wanted = [masks[name] for name in self.phrases]
        features = self.encode(ids.repeat(len(wanted), 1), torch.cat(wanted))
        return {
            name: Phrase(part, mask)
            for name, part, mask in zip(self.phrases, features.chunk(len(wanted)), wanted, strict=True)
        }

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """ids and mask (B,N) int64 -> (B,N,D)."""
        # four dimensions: transformers then takes it as it is, without looking at its values on the host
        attention_mask = _shut(mask.to(self.bert.dtype))[:, None, None, :]
        return self.bert(ids, attention_mask=attention_mask).last_hidden_state


class NoText(nn.Module):
    """Stands in for the encoder where no slot reads the sentence: a blind model spends nothing on it."""

    def forward(
        self, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Sentence:
        """Takes what `TextEncoder` takes -> no phrase."""
        return {}


def _shut(mask: Tensor) -> Tensor:
    """mask in {0, 1} -> what is added to the scores. Finite, as -inf in a whole row would be NaN; and so large that
    float32 and bfloat16 keep nothing of the scores: a row without words is read uniformly.
    """
    return 1e30 * mask - 1e30


def random_bert(vocab_size: int, width: int, layers: int, heads: int, dropout: float) -> BertModel:
    """A BERT of any size with fresh weights; feed-forward width is 4x as in BERT-base.

    Raises:
        ValueError: `width` is not a multiple of `heads`.
    """
    if heads < 1 or width % heads:
        raise ValueError(
            f"model.text.width={width} is not a multiple of model.text.heads={heads}.\nPass a multiple."
        )
    config = BertConfig(
        vocab_size=vocab_size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        attn_implementation="sdpa",
    )
    return BertModel(config, add_pooling_layer=False)


def pretrained_bert(source: str, vocab_size: int) -> BertModel:
    """A published BERT; its sizes are its own.

    Args:
        source: Hub id or directory (config.json with model.safetensors or pytorch_model.bin).
        vocab_size: What the tokenizer can produce; the checkpoint must have a vector for every id.

    Raises:
        ValueError: Nothing usable at `source`; the message says what to pass.
    """
    remedy = (
        "Pass model.text.pretrained=DIR, a directory with config.json, vocab.txt and model.safetensors "
        "of a BERT (bert-base-uncased for the published setting)."
    )
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of unused heads is no news; missing weights are checked below
    try:
        bert, report = BertModel.from_pretrained(
            source, add_pooling_layer=False, attn_implementation="sdpa", output_loading_info=True
        )
    except Exception as error:  # hub, file system, format: each library raises its own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"model.text.pretrained={source}: cannot be loaded ({reason})\n{remedy}") from error
    finally:
        logging.set_verbosity(verbosity)
    missing = sorted(report["missing_keys"])
    if missing:
        raise ValueError(
            f"model.text.pretrained={source}: {len(missing)} weights missing ({missing[0]}, ...)\n{remedy}"
        )
    if bert.config.vocab_size < vocab_size:
        raise ValueError(
            f"model.text.pretrained={source}: knows {bert.config.vocab_size} word pieces, "
            f"the tokenizer makes {vocab_size}.\n{remedy}"
        )
    return bert.float()


def freeze_bert(bert: BertModel, trained_layers: int, train_embeddings: bool) -> None:
    """Leaves the first `trained_layers` layers trainable; embeddings only if asked (published: 10, no)."""
    bert.embeddings.requires_grad_(train_embeddings)
    for index, layer in enumerate(bert.encoder.layer):
        layer.requires_grad_(index < trained_layers)
