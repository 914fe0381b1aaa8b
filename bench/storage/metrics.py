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


def image_intervals(
    intersections: Pixels, unions: Pixels, images: Sequence[object] | NDArray[np.generic], draws: int = 1000
) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap intervals of `score` over other images; an image's expressions are drawn together.

    What other trainings would score is not in them (`reports.statistics` has intervals over seeds too).

    Args:
        intersections: As of `score`.
        unions: As of `score`.
        images: The image of each expression.
        draws: Resamples, the same ones every time.
    """
    _, image = np.unique(np.asarray(images), return_inverse=True)
    count = int(image.max()) + 1
    each = iou(intersections, unions)
    reaching = (each >= threshold for threshold in THRESHOLDS)
    columns = [*reaching, each, intersections, unions, np.ones(len(each))]
    sums = np.stack([np.bincount(image, np.asarray(column, float), count) for column in columns], axis=1)
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), draws)
    *means, common, either, expressions = (times @ sums).T
    *reached, overlap = (100 * mean / expressions for mean in means)
    by_name = dict(zip(NAMES, [*reached, 100 * common / np.maximum(either, 1), overlap], strict=True))
    ends = {name: np.percentile(drawn, (2.5, 97.5)).tolist() for name, drawn in by_name.items()}
    return {name: (low, high) for name, (low, high) in ends.items()}
