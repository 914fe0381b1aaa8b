"""What every model takes: which token rows, in which order, and how pixels become its numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fianet.tokens import Tokens

MEAN = (0.485, 0.456, 0.406)  # ImageNet, RGB
STD = (0.229, 0.224, 0.225)
TEXT = Tokens._fields  # after the images, in this order


def normalize(images: Tensor) -> Tensor:
    """(B,3,H,W) uint8 RGB to float32 with ImageNet's mean and deviation, on the device the images are on."""
    mean, std = (constant(each, images.device).view(3, 1, 1) for each in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def constant(values: Sequence[float], device: torch.device) -> Tensor:
    """(N,) float32, for which nobody waits until a GPU has come so far."""
    return torch.tensor(values).to(device, non_blocking=True)
