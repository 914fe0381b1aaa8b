"""Pretrained Swin weights for the encoder: the original release's files and timm's models."""

import difflib
import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.models.read_weights import State, listing, read_state
from bench.models.reference_keys import ENCODER
from bench.terminal.errors import UserError
from fianet.swin import SwinEncoder

REMEDY = "Pass sizes that fit (model.encoder.embed_dim, depths, heads) or other weights."


def load_swin(encoder: SwinEncoder, source: str) -> None:
    """Fills an encoder with weights pretrained for classification; the norms of the maps stay as initialised.

    Bias tables of another window are resized (bicubic, as the published codes do).

    Args:
        encoder: Any sizes; they must be those of the weights but for the window.
        source: A file (of the original release, or timm's) or the name of a timm model.

    Raises:
        UserError: Nothing to load at `source`, or weights for other sizes.
    """
    state = read_state(source) if Path(source).exists() else _from_timm(source)
    rules = [(ours, theirs.removeprefix("backbone.")) for ours, theirs in ENCODER]
    if "layers.3.downsample.norm.weight" in state:  # timm merges patches at the start of a stage
        rules = [rule for rule in rules if "merge" not in rule[0]] + [(r"\.merge\.", ".downsample.")]
    own = {key: value for key, value in encoder.state_dict().items() if not key.startswith("norms.")}
    loaded: State = {}
    problems = []
    for key, value in own.items():
        name = f"encoder.{key}"
        for ours, theirs in rules:
            name = re.sub(ours, theirs, name)
        if name not in state:
            problems.append(f"{name} missing")
            continue
        loaded[key] = _resized(state[name], value) if key.endswith("bias_table") else state[name]
        if loaded[key].shape != value.shape:
            problems.append(f"{name} is {tuple(loaded[key].shape)}, not {tuple(value.shape)}")
    depths = {key for key in state if re.match(r"layers\.\d\.blocks\.\d+\.norm1\.weight", key)}
    if len(depths) > sum(key.endswith("norm1.weight") for key in own):
        problems.append(f"it has {len(depths)} blocks")
    if problems:
        raise UserError(f"model.encoder.pretrained={source}: does not fit: {listing(problems, 3)}.", REMEDY)
    encoder.load_state_dict(loaded, strict=False)


def _resized(table: Tensor, like: Tensor) -> Tensor:
    """(old positions, heads) -> the positions of `like`, interpolated over the two relative offsets."""
    old, new = math.isqrt(table.shape[0]), math.isqrt(like.shape[0])
    if old == new:
        return table
    image = table.float().T.reshape(1, -1, old, old)
    return F.interpolate(image, size=(new, new), mode="bicubic").flatten(2)[0].T


def _from_timm(name: str) -> State:
    import timm

    if not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models("swin_*"), n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise UserError(
            f"model.encoder.pretrained={name}: no such file and no such timm model.",
            f"{hint}Pass a file or a timm name.",
        )
    try:
        with torch.no_grad():
            return dict(timm.create_model(name, pretrained=True).state_dict())
    except Exception as error:  # hub, network, format: each library raises its own kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"model.encoder.pretrained={name}: timm could not get the weights ({reason}).",
            "Pass model.encoder.pretrained=FILE, the .pth of the original Swin release.",
        ) from error
