"""The two training losses of the field, in float32 whatever the logits' type.

`ce_dice` is FIANet's and RMSIN's recipe. Its Dice term is *summed* over samples and classes as published, so
it grows with the batch; `mean` is offered beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

CLASS_WEIGHTS = (0.9, 1.1)  # background, referent
DICE_SHARE = 0.1
SMOOTH = 1e-6


@dataclass(frozen=True)
class Share:
    """What part of a batch's two terms some of its samples stand for."""

    weight: float = 1.0  # of the class weights that cross entropy's mean divides by
    samples: float = 1.0  # of what Dice's mean divides by; its sum divides by nothing


@dataclass(frozen=True)
class Divisors:
    """What the losses of a batch divide by; those of its parts add up."""

    weight: float  # class weights, summed over all pixels
    samples: float


EVERYTHING = Share()
REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {"sum": torch.sum, "mean": torch.mean}


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """logits (B,2,H,W), target (B,H,W) int64 in {0, 1} -> scalar: mean over pixels, weighted by class."""
    return F.cross_entropy(logits, target, weight=logits.new_tensor(CLASS_WEIGHTS))


def dice(logits: Tensor, target: Tensor, reduction: str = "sum") -> Tensor:
    """1 - 2|p*q| / |p+q| per sample and class, on the softmax p and the one-hot target q.

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


LOSSES: dict[str, Callable[[Tensor, Tensor, str, Share], Tensor]] = {"ce": _ce, "ce_dice": _ce_dice}


def segmentation_loss(
    logits: Tensor, target: Tensor, name: str = "ce_dice", dice: str = "sum", batch: Divisors | None = None
) -> Tensor:
    """The loss called `name`, of a batch or of one part of it.

    Args:
        logits: (B,2,H,W), any float type.
        target: (B,H,W) integers in {0, 1}.
        name: A key of `LOSSES`.
        dice: How Dice is reduced, `sum` or `mean`; `ce` has none.
        batch: Divisors of the whole batch where `logits` are a part of it: the losses of all parts then add up to the
            batch's. The mean over pixels divides by class weights, which no part has all of.

    Returns:
        A float32 scalar.
    """
    with torch.autocast(logits.device.type, enabled=False):
        share = EVERYTHING if batch is None else _share(target, batch, dice)
        return LOSSES[name](logits.float(), target.long(), dice, share)


def divisors(target: Tensor) -> Divisors:
    """Of a batch, or of a part of one: target (B,H,W) integers in {0, 1}."""
    referent = int(target.sum(dtype=torch.int64))
    weight = CLASS_WEIGHTS[0] * (target.numel() - referent) + CLASS_WEIGHTS[1] * referent
    return Divisors(weight, len(target))


def _share(target: Tensor, batch: Divisors, reduction: str) -> Share:
    part = divisors(target)
    samples = 1.0 if reduction == "sum" else part.samples / batch.samples
    return Share(weight=part.weight / batch.weight, samples=samples)
