"""The two training losses of the field and one of ours, in float32 whatever the logits' type.

`ce_dice` is FIANet's and RMSIN's recipe. Its Dice term is *summed* over samples and classes as published, so
it grows with the batch; `mean` is offered beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.models.inputs import constant

CLASS_WEIGHTS = (0.9, 1.1)  # background, referent
DICE_SHARE = 0.1
EDGE, EDGE_SHARE = 2, 0.1  # pixels on either side of an outline; share of their cross entropy
SMOOTH = 1e-6


Factor: TypeAlias = "float | Tensor"  # a tensor where the device has not told it yet


@dataclass(frozen=True)
class Share:
    """What part of a batch's two terms some of its samples stand for."""

    weight: Factor = 1.0  # of the class weights that cross entropy's mean divides by
    samples: Factor = 1.0  # of what Dice's mean divides by; its sum divides by nothing


class Divisors(NamedTuple):
    """What the losses of a batch divide by; those of its parts add up."""

    weight: Factor  # class weights, summed over all pixels
    samples: Factor


EVERYTHING = Share()
REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"sum": torch.sum, "mean": torch.mean}


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """logits (B,2,H,W), target (B,H,W) int64 in {0, 1} -> scalar: mean over pixels, weighted by class."""
    return F.cross_entropy(logits, target, weight=constant(CLASS_WEIGHTS, logits.device))


def dice(logits: Tensor, target: Tensor, reduction: str = "sum") -> Tensor:
    """`1 - 2|p*q| / |p+q|` per sample and class, on the softmax p and the one-hot target q.

    Args:
        logits: (B,2,H,W) float32.
        target: (B,H,W) int64 in {0, 1}.
        reduction: Over samples and classes: `sum` or `mean`.
    """
    p = logits.softmax(dim=1)
    q = F.one_hot(target, num_classes=2).movedim(-1, 1).to(p.dtype)
    overlap = (p * q).sum(dim=(2, 3))
    total = (p + q).sum(dim=(2, 3))
    return REDUCTIONS[reduction](1 - (2 * overlap + SMOOTH) / (total + SMOOTH))


def _ce(logits: Tensor, target: Tensor, reduction: str, share: Share) -> Tensor:
    return share.weight * cross_entropy(logits, target)


def _ce_dice(logits: Tensor, target: Tensor, reduction: str, share: Share) -> Tensor:
    overlap = share.samples * dice(logits, target, reduction)
    return (1 - DICE_SHARE) * share.weight * cross_entropy(logits, target) + DICE_SHARE * overlap


def edge(logits: Tensor, target: Tensor, reduction: str = "sum") -> Tensor:
    """Cross entropy near the outline of the referent: within `EDGE` pixels of it, on both sides, mean per sample.

    Arguments as `dice` takes them; a sample without an outline counts as 0.
    """
    mask = target[:, None].to(logits.dtype)
    dilated, eroded = (sign * F.max_pool2d(sign * mask, 2 * EDGE + 1, 1, EDGE) for sign in (1, -1))
    near = (dilated - eroded)[:, 0]
    each = F.cross_entropy(logits, target, reduction="none")
    per_sample = (near * each).sum(dim=(1, 2)) / near.sum(dim=(1, 2)).clamp(min=1)
    return REDUCTIONS[reduction](per_sample)


def _ce_dice_edge(logits: Tensor, target: Tensor, reduction: str, share: Share) -> Tensor:
    near = share.samples * edge(logits, target, reduction)
    return _ce_dice(logits, target, reduction, share) + EDGE_SHARE * near


LOSSES: dict[str, Callable[[Tensor, Tensor, str, Share], Tensor]] = {
    "ce": _ce,
    "ce_dice": _ce_dice,
    "ce_dice_edge": _ce_dice_edge,
}


def segmentation_loss(
    logits: Tensor, target: Tensor, name: str = "ce_dice", dice: str = "sum", share: Share = EVERYTHING
) -> Tensor:
    """The loss called `name`, of a batch or of one part of it.

    Args:
        logits: (B,2,H,W), any float type.
        target: (B,H,W) integers in {0, 1}.
        name: A key of `LOSSES`.
        dice: How Dice is reduced, `sum` or `mean`; `ce` has none.
        share: What part of a batch `logits` are (`share_of`): the losses of all parts then add up to the batch's. The
            mean over pixels divides by class weights, which no part has all of.

    Returns:
        A float32 scalar.
    """
    with torch.autocast(logits.device.type, enabled=False):
        return LOSSES[name](logits.float(), target.long(), dice, share)


def divisors(target: Tensor) -> tuple[float, float]:
    """`Divisors` of a batch, or of a part of one: target (B,H,W) integers in {0, 1}, on the CPU."""
    referent = int(target.sum(dtype=torch.int64))
    weight = CLASS_WEIGHTS[0] * (target.numel() - referent) + CLASS_WEIGHTS[1] * referent
    return weight, float(len(target))


def share_of(part: tuple[float, float], batch: Divisors, reduction: str) -> Share:
    """What a part stands for in a batch whose Dice is reduced by `reduction`."""
    samples = 1.0 if reduction == "sum" else _float32(part[1] / batch.samples)
    return Share(weight=_float32(part[0] / batch.weight), samples=samples)


def _float32(factor: Factor) -> Factor:
    """A tensor in the losses' own type, which would follow it else."""
    return factor.float() if isinstance(factor, Tensor) else factor
