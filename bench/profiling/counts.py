"""Parameters and operations of an architecture, counted without weights, memory or a forward pass that computes."""

import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.config import Config, Fusion, ModelConfig
from bench.errors import UserError
from bench.profiling.rooms import metered, rooms
from bench.registry import build_model
from fianet.tokens import Tokenizer

BERT_BASE_VOCABULARY = 30522
LEFT_OUT = "normalisation, activations, softmax, pooling, resizing and element-wise arithmetic"


def build_profiled(config: Config) -> nn.Module:
    """The architecture with random weights, in eval mode: a pretrained encoder costs what a random one does.

    Raises:
        UserError: Sizes that do not fit, or a pretrained text encoder here whose sizes are not the configured ones.
    """
    model = copy.deepcopy(config.model)
    model.text.pretrained = model.encoder.pretrained = None
    return build_model(model, vocabulary_size(config.model), config.recipe.size).eval()


def vocabulary_size(model: ModelConfig) -> int:
    """Word pieces the text encoder has vectors for: the shipped ones, or those of the pretrained encoder.

    A pretrained encoder that is no folder here is taken to know as many as bert-base-uncased.

    Raises:
        UserError: The folder holds an encoder of other sizes than the configuration says.
    """
    text = model.text
    if text.pretrained is None:
        return Tokenizer.load().vocab_size
    try:
        stored = json.loads((Path(text.pretrained) / "config.json").read_text())
    except (OSError, ValueError):
        return BERT_BASE_VOCABULARY
    sizes = {"width": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads"}
    for ours, theirs in sizes.items():
        if theirs in stored and stored[theirs] != getattr(text, ours):
            raise UserError(
                f"{text.pretrained}: its {theirs} is {stored[theirs]}, the configuration says "
                f"{getattr(text, ours)}.",
                f"Pass model.text.{ours}={stored[theirs]}.",
            )
    return int(stored.get("vocab_size", BERT_BASE_VOCABULARY))


def example(config: Config, batch_size: int) -> tuple[Tensor, ...]:
    """Images and sentences of `max_tokens` words on the default device: what costs depends on shapes alone."""
    size, tokens = config.recipe.size, config.data.max_tokens
    words = torch.ones(batch_size, tokens, dtype=torch.int64)
    return (torch.zeros(batch_size, 3, size, size), words, words, words, words)


def count(config: Config) -> dict[str, Any]:
    """Parameters and multiply-accumulates of one image with one sentence.

    Counted is what is executed, also where nothing reads its result (the last stage's gate); counters that trace a
    graph first leave such work out, 0.2 % of LAVT and 1 % of FIANet.

    Returns:
        JSON-ready: `parameters`, `trained`, `published_unused` (see there), `macs` (multiply-accumulates of all matrix
        products and convolutions, attention included), `flops` (twice that), `left_out`, `rooms` (each with
        `parameters`, `trained`, `macs`), and `size`, `max_tokens`, `vocabulary` they hold for.
    """
    with torch.device("meta"):
        model = build_profiled(config)
        inputs = example(config, 1)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), metered(model, counter.get_total_flops) as flops:
        model(*inputs)
    return {
        "size": config.recipe.size,
        "max_tokens": config.data.max_tokens,
        "vocabulary": vocabulary_size(config.model),
        **_parameters(model),
        "published_unused": published_unused(config.model),
        "macs": counter.get_total_flops() // 2,
        "flops": counter.get_total_flops(),
        "left_out": LEFT_OUT,
        "rooms": {
            room: _parameters(*modules) | {"macs": int(flops[room]) // 2}
            for room, modules in rooms(model).items()
        },
    }


def published_unused(model: ModelConfig) -> int:
    """Parameters that the published implementation counts and no forward pass of it uses.

    Published FIANet keeps a C x C matrix, `go_embedding`, beside each stage's object attention: 1.39 M for Swin-B. Ours
    leaves it out, so published count = our `parameters` + this.
    """
    if model.fusion != Fusion.fiam or not (model.fiam.object and model.fiam.position):
        return 0
    return sum((model.encoder.embed_dim * 2**stage) ** 2 for stage in range(len(model.encoder.depths)))


def _parameters(*modules: nn.Module) -> dict[str, int]:
    weights = [weight for module in modules for weight in module.parameters()]
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "trained": sum(weight.numel() for weight in weights if weight.requires_grad),
    }
