"""The two training losses of the field, in float32 whatever the logits' type.

`ce_dice` is FIANet's and RMSIN's recipe. Its Dice term is *summed* over samples and classes as published, so
it grows with the batch; `mean` is offered beside it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

CLASS_WEIGHTS = (0.9, 1.1)  # background, referent
DICE_SHARE = 0.1
SMOOTH = 1e-6

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


def _ce(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
    return cross_entropy(logits, target)


def _ce_dice(logits: Tensor, target: Tensor, reduction: str) -> Tensor:
    return (1 - DICE_SHARE) * cross_entropy(logits, target) + DICE_SHARE * dice(logits, target, reduction)


LOSSES: dict[str, Callable[[Tensor, Tensor, str], Tensor]] = {"ce": _ce, "ce_dice": _ce_dice}


def segmentation_loss(logits: Tensor, target: Tensor, name: str = "ce_dice", dice: str = "sum") -> Tensor:
    """The loss called `name`.

    Args:
        logits: (B,2,H,W), any float type.
        target: (B,H,W) integers in {0, 1}.
        name: A key of `LOSSES`.
        dice: How Dice is reduced, `sum` or `mean`; `ce` has none.

    Returns:
        A float32 scalar.
    """
    with torch.autocast(logits.device.type, enabled=False):
        return LOSSES[name](logits.float(), target.long(), dice)
