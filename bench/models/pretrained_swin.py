"""Pretrained Swin weights for the encoder: the original release's files and timm's models."""

import math
import re

import torch.nn.functional as F
from torch import Tensor

from bench.models.pretrained import locate_encoder
from bench.models.read_weights import State, listing, read_encoder_state
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
    state = read_encoder_state(locate_encoder(source), source)
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
