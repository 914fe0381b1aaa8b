"""Black boxes over training images (RMSIN, CVPR 2024; FIANet trains with them too)."""

import numpy as np
import torch
from torch import Tensor

BOXES = (20, 60)  # fewest and most boxes in an image
SIDE = 32 / 480  # side of a box as a share of the image's


def erase_boxes(images: Tensor, indices: Tensor, *, share: float, seed: int, epoch: int) -> Tensor:
    """Covers a fixed share of the training references with 20 to 60 black boxes, redrawn each epoch.

    What happens to an image follows from (seed, epoch, index) alone: not from its batch, worker or device.

    Args:
        images: (B,3,S,S) uint8.
        indices: (B,) positions in the training set.
        share: Share of references that get boxes (0..1); `seed` decides which.
        seed: The cell's.
        epoch: Counted from 0.

    Returns:
        (B,3,S,S) uint8, on the device of `images`.
    """
    chosen = [row for row, index in enumerate(indices.tolist()) if _chosen(index, share, seed)]
    if not chosen:
        return images
    kept = np.ones((len(images), 1, *images.shape[-2:]), dtype=np.uint8)
    for row in chosen:
        _draw(kept[row, 0], np.random.default_rng((seed, int(indices[row]), epoch)))
    return images * torch.from_numpy(kept).to(images.device)


def _chosen(index: int, share: float, seed: int) -> bool:
    """Whether this reference is one of those that get boxes, in every epoch alike."""
    return bool(np.random.default_rng((seed, index)).random() < share)


def _draw(kept: np.ndarray, random: np.random.Generator) -> None:
    """Sets boxes of `kept` (S,S) to 0; every box lies wholly inside."""
    size = len(kept)
    side = max(1, round(size * SIDE))
    number = random.integers(BOXES[0], BOXES[1], endpoint=True)
    for top, left in random.integers(0, size - side, (number, 2), endpoint=True):
        kept[top : top + side, left : left + side] = 0
