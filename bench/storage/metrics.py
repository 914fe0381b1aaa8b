"""The field's scores from intersections and unions, in percent: mIoU, oIoU and precision at IoU thresholds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
NAMES = (*(f"P@{threshold}" for threshold in THRESHOLDS), "oIoU", "mIoU")

Pixels = Sequence[int] | NDArray[np.integer]


def iou(intersections: Pixels, unions: Pixels) -> NDArray[np.float64]:
    """Intersection over union of each expression, 0..1; 0 where the union is empty, as the field counts it."""
    i, u = np.asarray(intersections, dtype=np.float64), np.asarray(unions, dtype=np.float64)
    return np.divide(i, u, out=np.zeros_like(i), where=u > 0)


def score(intersections: Pixels, unions: Pixels) -> dict[str, float]:
    """P@0.5 to P@0.9, oIoU and mIoU, in percent.

    Args:
        intersections: Pixels in both predicted and true mask, one number per expression.
        unions: Pixels in either, one number per expression.

    Raises:
        ValueError: No expressions, or lists of different length.
    """
    if len(intersections) != len(unions):
        raise ValueError(f"{len(intersections)} intersections but {len(unions)} unions")
    if len(intersections) == 0:
        raise ValueError("no expressions to score")
    each = iou(intersections, unions)
    total = float(np.sum(unions, dtype=np.float64))
    scores = {f"P@{threshold}": 100 * float(np.mean(each >= threshold)) for threshold in THRESHOLDS}
    scores["oIoU"] = 100 * float(np.sum(intersections, dtype=np.float64)) / total if total else 0.0
    scores["mIoU"] = 100 * float(np.mean(each))
    return scores
