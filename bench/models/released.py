"""Published checkpoints of the four models, recognised by their weights and loaded strictly."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.config.choices import Decoder, Fusion, Neck
from bench.config.schema import EncoderConfig, ModelConfig, TextConfig, TmemConfig
from bench.models.build import build, build_model
from bench.models.read_weights import Checkpoint, State, first_line, listing, load_into, read_checkpoint
from bench.models.reference_keys import IGNORED, reference_key
from bench.terminal.errors import UserError

HEAD_WIDTH = 64  # of every published BERT
# what marks a model's weights -> its name and slots; LAVT's own mark comes last, LGCE and RMSIN have it too
ARCHITECTURES = {
    "backbone.tmem.": ("fianet", Fusion.fiam, Neck.tmem, Decoder.simple),
    "backbone.cim.": ("rmsin", Fusion.iim, Neck.cim, Decoder.rotated),
    "classifier.msb1.": ("lgce", Fusion.pwam, Neck.lgce, Decoder.simple),
    "backbone.layers.0.res_gate.": ("lavt", Fusion.pwam, Neck.none, Decoder.simple),
}


@dataclass(frozen=True)
class Released:
    """A published model in eval mode, what it was recognised as, and which weights no forward pass uses."""

    model: nn.Module
    config: ModelConfig
    vocab_size: int
    unused: list[str]


def load_reference(
    path: str | Path, fusion_heads: Sequence[int] = (1, 1, 1, 1), size: int = 480
) -> nn.Module:
    """A published LAVT, LGCE, RMSIN or FIANet checkpoint as a model in eval mode, all parameters trainable.

    Architecture and sizes are read off the weights. The state dict may be the file itself or under `model`
    (LAVT's two-part release: also `bert_model`), with or without `module.` prefixes. No code in it runs.

    Args:
        path: A `.pth` file.
        fusion_heads: Attention heads of each stage's fusion; they leave no trace in the weights.
        size: Side of the images in pixels; RMSIN's neck is made for one size.

    Raises:
        UserError: Unreadable or unsafe file, unknown model, or weights missing, left over or misshapen.
    """
    return read_released(read_checkpoint(path), path, fusion_heads, size).model


def read_released(
    checkpoint: Checkpoint, path: str | Path, fusion_heads: Sequence[int], size: int
) -> Released:
    """A published LAVT, LGCE, RMSIN or FIANet, its architecture and sizes read off the weights.

    Args:
        checkpoint: What the file holds.
        path: The file, for messages.
        fusion_heads: Attention heads of each stage's fusion; they leave no trace in the weights.
        size: Side of the images in pixels; RMSIN's neck is made for one size.

    Raises:
        UserError: Unknown model, or weights missing, left over or misshapen.
    """
    config = recognise(checkpoint.state, path, fusion_heads)
    vocab_size = _weight(checkpoint.state, "text_encoder.embeddings.word_embeddings.weight", path).shape[0]
    _check_size(checkpoint.state, config, path, size)
    shapes = outline(config, vocab_size, size)
    weights, unused = _match(shapes, checkpoint.state, config, path)
    model = build(config, vocab_size, size)
    load_into(model, weights, path)
    return Released(model.eval(), config, vocab_size, unused)


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


def _check_size(state: State, config: ModelConfig, path: str | Path, size: int) -> None:
    """Refuses another image size than the one that CIM's weights are made for.

    Raises:
        UserError: Names both sizes.
    """
    if config.neck != Neck.cim:
        return
    positions = _weight(state, "backbone.cim.block.0.csa1.m.attention.proj.weight", path).shape[0]
    side = math.isqrt(positions)
    if side**2 == positions and side != -(-size // 32):
        raise UserError(
            f"{path}: its neck (CIM) is made for images of {32 * side} px, not {size} px.",
            f"Use {32 * side} px (size= of bench.weights, recipe.size= of bench.run), or train a model for {size} px.",
        )


def outline(config: ModelConfig, vocab_size: int, size: int) -> dict[str, torch.Size]:
    """The shape of every weight of a model, computed without making one: sizes read from a file may be absurd.

    Models of other packages are made: their builders may not know how to do without numbers.

    Raises:
        UserError: Names or sizes that do not fit together, or a package that is not installed.
    """
    if config.plugin:
        return {key: value.shape for key, value in build_model(config, vocab_size, size).state_dict().items()}
    try:
        with torch.device("meta"):
            return {key: value.shape for key, value in build(config, vocab_size, size).state_dict().items()}
    except (ArithmeticError, IndexError, RuntimeError, TypeError) as error:
        raise UserError(
            f"no {config.name} has such sizes ({first_line(error)}).", "Pass a whole, unchanged file."
        ) from error


def _match(
    shapes: Mapping[str, torch.Size], state: State, config: ModelConfig, path: str | Path
) -> tuple[State, list[str]]:
    """The stored weights under our names, and the names of those that no published forward pass uses.

    Raises:
        UserError: Lists what is missing, left over (and not known to be unused), or of another shape.
    """
    source = {key: reference_key(key, config) for key in shapes}
    used = set(source.values())
    missing = [name for name in source.values() if name not in state]
    unused = [key for key in state if key not in used and any(re.search(p, key) for p in IGNORED)]
    left_over = [key for key in state if key not in used and key not in unused]
    misshapen = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(shapes[key])}"
        for key, name in source.items()
        if name in state and _essential(state[name].shape) != _essential(shapes[key])
    ]
    problems = {"missing": missing, "left over": left_over, "of another shape": misshapen}
    if any(problems.values()):
        found = "; ".join(f"{kind}: {listing(names)}" for kind, names in problems.items() if names)
        raise UserError(
            f"{path}: read as {config.name}, but weights are {found}.",
            "Pass the checkpoint of an unchanged LAVT, LGCE, RMSIN or FIANet.",
        )
    # published 1x1 convolutions are linear layers here: the same numbers without the trailing 1
    return {key: state[name].reshape(shapes[key]) for key, name in source.items()}, unused


def _slots(state: State, path: str | Path) -> tuple[str, Fusion, Neck, Decoder]:
    for mark, slots in ARCHITECTURES.items():
        if any(key.startswith(mark) for key in state):
            return slots
    raise UserError(
        f"{path}: none of LAVT, LGCE, RMSIN and FIANet (first weights: {listing(list(state)[:3]) or 'none'}).",
        "Pass a checkpoint in the format these models were released in.",
    )


def _count(state: State, pattern: str) -> int:
    """How many different numbers the group of `pattern` takes."""
    return len({found[1] for key in state if (found := re.match(pattern, key))})


def _weight(state: State, key: str, path: str | Path) -> Tensor:
    if key not in state or state[key].dim() < 2:
        raise UserError(f"{path}: weights are missing or misshapen: {key}.", "Pass a complete checkpoint.")
    return state[key]


def _essential(shape: torch.Size) -> list[int]:
    return [side for side in shape if side != 1]
