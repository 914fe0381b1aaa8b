"""Weights in: published checkpoints of the four models, read safely, recognised and loaded strictly."""

import argparse
import math
import pickle
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from bench.config import Decoder, EncoderConfig, Fusion, ModelConfig, Neck, TextConfig, TmemConfig
from bench.errors import UserError
from bench.reference_keys import IGNORED, reference_key
from bench.registry import build
from fianet.segmenter import Segmenter

State = dict[str, Tensor]

HEAD_WIDTH = 64  # of every published BERT
# what marks a model's weights -> its name and slots; LAVT's own mark comes last, LGCE and RMSIN have it too
ARCHITECTURES = {
    "backbone.tmem.": ("fianet", Fusion.fiam, Neck.tmem, Decoder.simple),
    "backbone.cim.": ("rmsin", Fusion.iim, Neck.cim, Decoder.rotated),
    "classifier.msb1.": ("lgce", Fusion.pwam, Neck.lgce, Decoder.simple),
    "backbone.layers.0.res_gate.": ("lavt", Fusion.pwam, Neck.none, Decoder.simple),
}


def load_reference(path: str | Path, fusion_heads: Sequence[int] = (1, 1, 1, 1)) -> Segmenter:
    """A published LAVT, LGCE, RMSIN or FIANet checkpoint as a model in eval mode, all parameters trainable.

    Architecture and sizes are read off the weights. The state dict may be the file itself or under `model`
    (LAVT's two-part release: also `bert_model`), with or without `module.` prefixes. No code in it runs.

    Args:
        path: A `.pth` file.
        fusion_heads: Attention heads of each stage's fusion; they leave no trace in the weights.

    Raises:
        UserError: Unreadable or unsafe file, unknown model, or weights missing, left over or misshapen.
    """
    state = read_state(path)
    config = recognise(state, path, fusion_heads)
    vocab_size = _weight(state, "text_encoder.embeddings.word_embeddings.weight", path).shape[0]
    model = build(config, vocab_size)
    fill(model, state, config, path)
    return model.eval()


def read_state(path: str | Path) -> State:
    """The state dict in a `.pth` or `.safetensors` file, without `module.` prefixes.

    Raises:
        UserError: No such file, not a PyTorch file, or one that would run code when loaded.
    """
    if str(path).endswith(".safetensors") and Path(path).is_file():
        return safetensors.torch.load_file(path)
    try:
        # published files keep their options under `args`
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file.", "Pass the path of a .pth checkpoint.") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a PyTorch checkpoint that can be read safely ({_first_line(error)}).",
            "Nothing in it was executed. Pass a file that holds tensors only.",
        ) from error
    whole = content if isinstance(content, Mapping) else {"": content}
    state = _unprefixed(whole.get("model", whole), path)
    words = _unprefixed(whole.get("bert_model", {}), path)
    return state | {f"text_encoder.{key}": value for key, value in words.items()}


def recognise(state: State, path: str | Path, fusion_heads: Sequence[int]) -> ModelConfig:
    """Architecture and sizes of a reference state dict.

    Raises:
        UserError: None of the four models.
    """
    name, fusion, neck, decoder = _slots(state, path)
    depths = [_count(state, rf"backbone\.layers\.{stage}\.blocks\.(\d+)\.") for stage in range(4)]
    tables = [
        _weight(state, f"backbone.layers.{stage}.blocks.0.attn.relative_position_bias_table", path)
        for stage in range(4)
    ]
    width = _weight(state, "text_encoder.embeddings.word_embeddings.weight", path).shape[1]
    layers = _count(state, r"text_encoder\.encoder\.layer\.(\d+)\.")
    return ModelConfig(
        name=name,
        fusion=fusion,
        neck=neck,
        decoder=decoder,
        fusion_heads=list(fusion_heads),
        tmem=TmemConfig(blocks=_count(state, r"backbone\.tmem\.block\.(\d+)\.")),
        text=TextConfig(
            width=width,
            layers=layers,
            heads=max(1, width // HEAD_WIDTH),
            trained_layers=layers,
            train_embeddings=True,
        ),
        encoder=EncoderConfig(
            embed_dim=_weight(state, "backbone.patch_embed.proj.weight", path).shape[0],
            depths=depths,
            heads=[table.shape[1] for table in tables],
            window=(math.isqrt(tables[0].shape[0]) + 1) // 2,
        ),
    )


def fill(model: Segmenter, state: State, config: ModelConfig, path: str | Path) -> None:
    """Copies a reference state dict into a model of the same architecture, strictly.

    Raises:
        UserError: Lists what is missing, left over (and not known to be unused), or of another shape.
    """
    own = model.state_dict()
    source = {key: reference_key(key, config) for key in own}
    used = set(source.values())
    missing = [name for name in source.values() if name not in state]
    left_over = [key for key in state if key not in used and not any(re.search(p, key) for p in IGNORED)]
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(own[key].shape)}"
        for key, name in source.items()
        if name in state and _essential(state[name]) != _essential(own[key])
    ]
    problems = {"missing": missing, "left over": left_over, "of another shape": misshapen}
    if any(problems.values()):
        found = "; ".join(f"{kind}: {listing(names)}" for kind, names in problems.items() if names)
        raise UserError(
            f"{path}: read as {config.name}, but weights are {found}.",
            "Pass the checkpoint of an unchanged LAVT, LGCE, RMSIN or FIANet.",
        )
    # published 1x1 convolutions are linear layers here: the same numbers without the trailing 1
    model.load_state_dict({key: state[name].reshape(own[key].shape) for key, name in source.items()})


def _slots(state: State, path: str | Path) -> tuple[str, Fusion, Neck, Decoder]:
    for mark, slots in ARCHITECTURES.items():
        if any(key.startswith(mark) for key in state):
            return slots
    raise UserError(
        f"{path}: none of LAVT, LGCE, RMSIN and FIANet (first weights: {listing(list(state)[:3])}).",
        "Pass a checkpoint in the format these models were released in.",
    )


def _unprefixed(weights: object, path: str | Path) -> State:
    """The weights without `module.`, once it is sure that they are nothing else."""
    named: Mapping[str, object] = weights if isinstance(weights, Mapping) else {"the whole": weights}
    tensors = {
        str(key).removeprefix("module."): value for key, value in named.items() if isinstance(value, Tensor)
    }
    if len(tensors) < len(named):
        others = [str(key) for key, value in named.items() if not isinstance(value, Tensor)]
        raise UserError(
            f"{path}: not tensors: {listing(others)}.", "Pass a state dict, plain or under `model`."
        )
    return tensors


def _count(state: State, pattern: str) -> int:
    """How many different numbers the group of `pattern` takes."""
    return len({found[1] for key in state if (found := re.match(pattern, key))})


def _weight(state: State, key: str, path: str | Path) -> Tensor:
    if key not in state:
        raise UserError(f"{path}: weights are missing: {key}.", "Pass a complete checkpoint.")
    return state[key]


def _essential(tensor: Tensor) -> list[int]:
    return [side for side in tensor.shape if side != 1]


def listing(names: Iterable[str], most: int = 20) -> str:
    """The first names, comma separated, and how many more there are."""
    names = list(names)
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
