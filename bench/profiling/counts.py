"""Parameters and operations of an architecture, counted without weights, memory or a forward pass that computes."""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

from bench.config.choices import EncoderKind, Fusion, Neck
from bench.config.schema import Config, ModelConfig, named_weights
from bench.models.build import build_model
from bench.models.packaged import installed
from bench.profiling.parts import metered, parts
from fianet.segmenter import Segmenter
from fianet.swin import ShiftedWindowAttention
from fianet.tokens import Tokenizer

BERT_BASE_VOCABULARY = 30522
SIZES = {
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
}  # ours, and BERT's
LEFT_OUT = "normalisation, activations, softmax, pooling, resizing and element-wise arithmetic"


def build_profiled(config: Config) -> nn.Module:
    """The architecture with random weights, in eval mode: a pretrained encoder costs what a random one does.

    The sizes of a pretrained text encoder that lies here are its own, whatever the configuration says.

    Raises:
        UserError: Sizes that do not fit.
    """
    model = copy.deepcopy(config.model)
    model.encoder.pretrained = None
    stored = _text_config(config.model)
    if stored.get("model_type", "bert") == "bert":
        model.text.pretrained = None
        for ours, theirs in SIZES.items():
            setattr(model.text, ours, stored.get(theirs, getattr(model.text, ours)))
    return build_model(model, vocabulary_size(config.model), config.recipe.size).eval()


def vocabulary_size(model: ModelConfig) -> int:
    """Word pieces the text encoder has vectors for: the shipped ones, or those of the pretrained encoder.

    A pretrained encoder that is not on this disk is taken to know as many as bert-base-uncased.
    """
    if named_weights(model.text.pretrained) is None:
        return Tokenizer.load().vocab_size
    return int(_text_config(model).get("vocab_size", BERT_BASE_VOCABULARY))


def _text_config(model: ModelConfig) -> dict[str, Any]:
    """What the folder or package of the pretrained text encoder says of it; nothing where there is none here."""
    pretrained = named_weights(model.text.pretrained)
    if pretrained is None:
        return {}
    try:
        return json.loads(((installed(pretrained) or Path(pretrained)) / "config.json").read_text())
    except (OSError, ValueError):
        return {}


def example(config: Config, batch_size: int) -> tuple[Tensor, ...]:
    """Images and sentences of `max_tokens` words on the default device: what costs depends on shapes alone."""
    size, tokens = config.recipe.size, config.data.max_tokens
    words = torch.ones(batch_size, tokens, dtype=torch.int64)
    return (torch.zeros(batch_size, 3, size, size), words, words, words, words)


def count(config: Config) -> dict[str, Any]:
    """Parameters and multiply-accumulates of one image with one sentence.

    Counted is what is executed, also where nothing reads its result (see `unread_macs`).

    Returns:
        JSON-ready: `parameters`, `trained`, `macs` (multiply-accumulates of all matrix products and convolutions,
        attention included), `flops` (twice that), `left_out`, `rooms` (its parts, each with `parameters`, `trained`,
        `macs`), `size`, `max_tokens`, `vocabulary` they hold for, and `published`: `parameters` and `macs` counted as
        papers do, to compare with what they print, and `because`.
    """
    # a model of another package may not know how to do without numbers
    with torch.device("cpu" if config.model.plugin else "meta"):
        model = build_profiled(config)
        inputs = example(config, 1)
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), metered(model, counter.get_total_flops) as flops:
        model(*inputs)
    own = _parameters(model)
    macs = counter.get_total_flops() // 2
    per_part = {
        part: _parameters(*modules) | {"macs": int(flops[part]) // 2}
        for part, modules in parts(model).items()
    }
    return {
        "size": config.recipe.size,
        "max_tokens": config.data.max_tokens,
        "vocabulary": vocabulary_size(config.model),
        **own,
        "macs": macs,
        "flops": counter.get_total_flops(),
        "left_out": LEFT_OUT,
        "published": _as_published(
            config.model,
            own["parameters"],
            macs,
            padding_macs(model, inputs),
            unread_macs(model, inputs),
            per_part,
        ),
        "rooms": per_part,
    }


def _as_published(
    model: ModelConfig,
    parameters: int,
    macs: int,
    padding: int,
    unread: int,
    per_part: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """What papers would print: `parameters`, `macs`, and `because`: why that is another number than ours."""
    if model.plugin:  # what fills our slots says nothing of it
        return {"parameters": parameters, "macs": macs, "because": []}
    because = []
    if padding:
        because.append("products of the zeros that fill windows, which are not computed here, are counted")
    if unread:
        because.append("operations whose result nothing reads are not counted")
    if unused := published_unused(model):
        because.append(
            f"the published code holds {unused / 1e6:.2f} M parameters that no forward pass uses (go_embedding)"
        )
    if (model.fusion, model.neck) == (Fusion.iim, Neck.cim):
        unread += per_part["neck"]["macs"]
        because.append(
            "RMSIN's printed operations are met only without those of its neck; why is our guess, no paper says so"
        )
    return {"parameters": parameters + unused, "macs": macs + padding - unread, "because": because}


def unread_macs(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Multiply-accumulates whose result nothing reads: what the last fusion computes for a stage that is not there.

    Counters that trace a graph first leave them out: 0.2 % of LAVT, 1 % of FIANet. So counted, the printed numbers come
    out.
    """
    if not isinstance(model, Segmenter):
        return 0
    last, given = model.fusions[-1], []
    handle = last.register_forward_pre_hook(lambda _, inputs: given.extend(inputs))
    with torch.no_grad():
        model(*inputs)
        handle.remove()
        needed = make_fx(lambda *inputs: last(*inputs)[1])(*given)
    needed.graph.eliminate_dead_code()
    needed.recompile()
    return _macs(last, given) - _macs(needed, given)


def padding_macs(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Multiply-accumulates of queries, keys, values and outputs of the zeros that fill a map's last windows.

    Published codes compute them, `fianet.swin` does not: 5 % of LAVT at 480 px.
    """
    found = 0

    def note(attention: nn.Module, given: tuple[Tensor, ...]) -> None:
        nonlocal found
        assert isinstance(attention, ShiftedWindowAttention)
        samples, height, width, channels = given[0].shape
        rows, columns = (side + -side % attention.window_size[0] for side in (height, width))
        found += samples * (rows * columns - height * width) * 4 * channels**2

    handles = [
        each.register_forward_pre_hook(note)
        for each in model.modules()
        if isinstance(each, ShiftedWindowAttention)
    ]
    with torch.no_grad():
        model(*inputs)
    for handle in handles:
        handle.remove()
    return found


def _macs(module: nn.Module, inputs: Sequence[Any]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    return counter.get_total_flops() // 2


def published_unused(model: ModelConfig) -> int:
    """Parameters that the published implementation counts and no forward pass of it uses.

    Published FIANet keeps a C x C matrix, `go_embedding`, beside each stage's object attention: 1.39 M for Swin-B. Ours
    leaves it out, so published count = our `parameters` + this.
    """
    if model.encoder.kind != EncoderKind.swin or model.fusion != Fusion.fiam:
        return 0
    if not (model.fiam.object and model.fiam.position):
        return 0
    return sum((model.encoder.embed_dim * 2**stage) ** 2 for stage in range(len(model.encoder.depths)))


def _parameters(*modules: nn.Module) -> dict[str, int]:
    weights = [weight for module in modules for weight in module.parameters()]
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "trained": sum(weight.numel() for weight in weights if weight.requires_grad),
    }
