"""Black boxes over training images (RMSIN, CVPR 2024; FIANet trains with them too), on RRSIS-D as published.

The published loaders blacken squares of 32 pixels in images of 800, before these are resized: here they are drawn on
a grid of that side and brought to the input size as images are, so that 19.2 pixels at 480 have soft edges.
"""

import numpy as np
import torch
from torch import Tensor

from bench.images.resize import resize_levels

BOXES = (20, 60)  # fewest and most boxes in an image
GRID, SIDE = 800, 32  # pixels of an RRSIS-D image and of a box: 4 % of its width


def references_to_erase(count: int, share: float, seed: int) -> frozenset[int]:
    """The training references that get boxes, in every epoch alike: exactly int(share * count), drawn once.

    Args:
        count: References in the training set.
        share: 0..1.
        seed: The cell's.
    """
    drawn = np.random.default_rng((seed, count)).permutation(count)
    return frozenset(drawn[: int(share * count)].tolist())


def erase_boxes(images: Tensor, indices: Tensor, *, chosen: frozenset[int], seed: int, epoch: int) -> Tensor:
    """Covers the chosen references with 20 to 60 black boxes, redrawn each epoch.

    What happens to an image follows from (seed, epoch, index) alone: not from its batch, worker or device.

    Args:
        images: (B,3,S,S) uint8.
        indices: (B,) positions in the training set.
        chosen: Positions that get boxes (`references_to_erase`).
        seed: The cell's.
        epoch: Counted from 0.

    Returns:
        (B,3,S,S) uint8, on the device of `images`.
    """
    places = indices.tolist()
    rows = [row for row, index in enumerate(places) if index in chosen]
    if not rows:
        return images
    drawn = (corners(np.random.default_rng((seed, places[row], epoch))) for row in rows)
    kept = np.stack([resize_levels(without_boxes(each), images.shape[-1]) for each in drawn])
    levels = torch.from_numpy(kept).to(images.device, non_blocking=True)[:, None].int()
    erased = images.clone()
    erased[rows] = ((images[rows] * levels + 127) // 255).to(torch.uint8)
    return erased


def corners(random: np.random.Generator) -> np.ndarray:
    """(N,2) top and left of the boxes of one drawing; every box lies wholly inside the grid."""
    number = random.integers(BOXES[0], BOXES[1], endpoint=True)
    return random.integers(0, GRID - SIDE, (number, 2), endpoint=True)


def without_boxes(corners: np.ndarray) -> np.ndarray:
    """(GRID,GRID) uint8, 0 in a box and 255 elsewhere."""
    kept = np.full((GRID, GRID), 255, dtype=np.uint8)
    for top, left in corners:
        kept[top : top + SIDE, left : left + SIDE] = 0
    return kept
