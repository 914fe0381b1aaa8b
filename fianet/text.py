"""The sentence side: BERT features of a sentence under one token mask per phrase."""

import inspect
from collections.abc import Collection
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import MODEL_MAPPING, AutoConfig, BertConfig, BertModel, PreTrainedModel
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
        bert: The word encoder, a BERT or one like it, without pooler.
        phrases: Which of `PHRASES` the rest of the model reads.
    """

    def __init__(self, bert: PreTrainedModel, phrases: Collection[str]) -> None:
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
        return read(self.bert, ids, mask)


class ContextualText(TextEncoder):
    """Reads the sentence once: a phrase is its words as they stand there, which know the rest of it (ours)."""

    def forward(
        self, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Sentence:
        """Takes what `TextEncoder` takes -> the wanted phrases."""
        masks = {"context": context_mask, "object": object_mask, "position": position_mask}
        features = self.encode(ids, context_mask)
        return {name: Phrase(features, masks[name]) for name in self.phrases}


class NoText(nn.Module):
    """Stands in for the encoder where no slot reads the sentence: a blind model spends nothing on it."""

    def forward(
        self, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Sentence:
        """Takes what `TextEncoder` takes -> no phrase."""
        return {}


def read(bert: PreTrainedModel, ids: Tensor, mask: Tensor) -> Tensor:
    """ids and mask (B,N) -> word features (B,N,D), every word read by every word, if the mask has it."""
    # four dimensions: transformers then takes it as it is, without looking at its values on the host
    shut = _shut(mask.to(bert.dtype))[:, None, None, :]
    if "sliding_attention" not in (getattr(bert.config, "layer_types", None) or ()):
        return bert(ids, attention_mask=shut).last_hidden_state
    places = torch.arange(ids.shape[1], device=ids.device)
    near = (places[:, None] - places).abs() <= bert.config.sliding_window
    masks = {"full_attention": shut, "sliding_attention": shut + _shut(near.to(bert.dtype))}
    return bert(ids, attention_mask=masks).last_hidden_state


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


def pretrained_bert(source: str, vocab_size: int) -> PreTrainedModel:
    """A published BERT, or an encoder like it (RoBERTa, DistilBERT, ModernBERT ...); class and sizes are its own.

    On a device that holds no numbers its weights are not read. Code that lies beside weights is never run.

    Args:
        source: Hub id or directory (config.json with model.safetensors or pytorch_model.bin).
        vocab_size: What the tokenizer can produce; the checkpoint must have a vector for every id.

    Raises:
        ValueError: Nothing usable at `source`; the message says what to pass.
    """
    remedy = (
        "Pass model.text.pretrained=DIR, a directory with config.json, vocab.txt and model.safetensors "
        "of a BERT or an encoder like it (bert-base-uncased for the published setting)."
    )
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # its table of unused heads is no news; missing weights are checked below
    try:
        bert, missing = _loaded(source)
    except Exception as error:  # hub, file system, format: each library raises its own kinds
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"model.text.pretrained={source}: cannot be loaded ({reason})\n{remedy}") from error
    finally:
        logging.set_verbosity(verbosity)
    if missing:
        raise ValueError(
            f"model.text.pretrained={source}: {len(missing)} weights missing ({missing[0]}, ...)\n{remedy}"
        )
    if bert.config.vocab_size < vocab_size:
        raise ValueError(
            f"model.text.pretrained={source}: knows {bert.config.vocab_size} word pieces, "
            f"the tokenizer makes {vocab_size}.\n{remedy}"
        )
    if unlike := _unlike_bert(bert.float()):
        raise ValueError(f"model.text.pretrained={source}: {unlike}.\n{remedy}")
    return bert


def _loaded(source: str) -> tuple[PreTrainedModel, list[str]]:
    """The encoder at `source`, and which of its weights the file lacks."""
    config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    if config.is_encoder_decoder:
        raise ValueError(f"a {config.model_type} is encoder and decoder in one")
    if type(config) not in MODEL_MAPPING:
        raise ValueError(f"a {config.model_type} is no text encoder")
    kind = MODEL_MAPPING[type(config)]
    config.is_decoder = False
    pooler = {"add_pooling_layer": False} if "add_pooling_layer" in inspect.signature(kind).parameters else {}
    if torch.get_default_device().type == "meta":
        config._attn_implementation = "sdpa"
        return kind(config, **pooler), []
    bert, report = kind.from_pretrained(
        source, config=config, attn_implementation="sdpa", output_loading_info=True, **pooler
    )
    return bert, sorted(report["missing_keys"])


@torch.no_grad()
def _unlike_bert(bert: Any) -> str:
    """What is wrong with an encoder that does not read as BERT does; nothing where all is well."""
    if not hasattr(bert, "embeddings") or not len(layers(bert)):
        return f"a {bert.config.model_type} has no embeddings and layers as a BERT has"
    ids = torch.tensor([[3, 4, 5], [3, 4, 6]]) % bert.config.vocab_size
    if ids.is_meta:
        return ""
    seen, hidden = torch.ones_like(ids), torch.tensor([[1, 1, 0], [1, 1, 0]])
    try:
        changed = [
            (one - other)[0].abs().max() for one, other in (read(bert.eval(), ids, m) for m in (seen, hidden))
        ]
    except Exception as error:  # of whatever class it is
        return f"a {bert.config.model_type} does not read words as a BERT does ({type(error).__name__})"
    if not changed[0]:
        return f"a {bert.config.model_type} reads no word that comes later: it is a decoder"
    if changed[1] > 1e-3 * changed[0]:  # rows of a batch may be rounded apart
        return f"a {bert.config.model_type} does not take masks as a BERT does"
    return ""


def layers(bert: PreTrainedModel) -> nn.ModuleList:
    """Its layers from the first to the last, whatever its class calls them; empty where there are none."""
    count = bert.config.num_hidden_layers
    lists = (each for each in bert.modules() if isinstance(each, nn.ModuleList) and len(each) == count)
    return next(lists, nn.ModuleList())


def freeze_bert(bert: PreTrainedModel, trained_layers: int, train_embeddings: bool) -> None:
    """Leaves the first `trained_layers` layers trainable; embeddings only if asked (published: 10, no).

    What some classes have beside both, such as a norm at the end, trains where any layer does.
    """
    bert.requires_grad_(trained_layers > 0)
    bert.embeddings.requires_grad_(train_embeddings)
    for index, layer in enumerate(layers(bert)):
        layer.requires_grad_(index < trained_layers)
