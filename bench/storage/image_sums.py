"""Scores as functions of sums over images, so that those of resampled images cost no more than a matrix product.

Expressions of one image are not independent, so images are what is drawn, and all expressions of one come with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.storage.metrics import NAMES, THRESHOLDS, iou

Floats = NDArray[np.float64]
Pixels = NDArray[np.int64]
MEANS = [name for name in NAMES if name != "oIoU"]  # plain means over expressions; oIoU is a ratio of sums
CHUNK = 256  # resamples at a time: counts of 3,500 images stay in the cache


@dataclass(frozen=True)
class Scored:
    """The same expressions as scored by several rows.

    Attributes:
        images: (E,) number of each expression's image, 0 .. images - 1.
        intersections: Row key to (S,E) pixels, a line per seed.
        unions: Likewise.
    """

    images: NDArray[np.intp]
    intersections: dict[str, Pixels]
    unions: dict[str, Pixels]

    @property
    def rows(self) -> list[str]:
        """Row keys."""
        return list(self.intersections)


@dataclass(frozen=True)
class ImageSums:
    """Per-image sums from which every score of every row follows.

    Attributes:
        table: (C,K) sums over each image's expressions: their number; per row the means' terms and the wins
            over the reference, seed-averaged; then intersections and unions, per row and seed.
        seeds: Number of seeds of each row.
    """

    table: Floats
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, scored: Scored, reference: str) -> "ImageSums":
        """Sums of all rows; wins are counted against `reference`."""
        terms = [np.ones((1, len(scored.images)))]
        for row in scored.rows:
            terms += [mean_terms(scored, row), wins(scored, row, reference)]
        terms += [scored.intersections[row].astype(np.float64) for row in scored.rows]
        terms += [scored.unions[row].astype(np.float64) for row in scored.rows]
        return cls(sum_by_image(scored, np.concatenate(terms)), tuple(len(s) for s in scored.unions.values()))

    def statistics(self, counts: Floats) -> Floats:
        """Scores with each image counted so many times.

        Args:
            counts: (B,C).

        Returns:
            (B,R,M+1): `NAMES` in percent, then the share of wins.
        """
        rows, draws, width = len(self.seeds), len(counts), len(MEANS) + 1
        sums = counts @ self.table
        number, terms, pixels = np.split(sums, [1, 1 + rows * width], axis=1)
        means = (terms / number).reshape(draws, rows, width)
        intersections, unions = np.split(pixels, 2, axis=1)
        ratios = ratio(intersections, unions)
        starts = np.cumsum([0, *self.seeds[:-1]])
        overall = np.add.reduceat(ratios, starts, axis=1) / np.array(self.seeds)
        by_name = dict(zip(MEANS, np.moveaxis(means[..., :-1], 2, 0), strict=True)) | {"oIoU": overall}
        return np.stack([*(100 * by_name[name] for name in NAMES), means[..., -1]], axis=2)


def mean_terms(scored: Scored, row: str) -> Floats:
    """(M,E) what `MEANS` are means of, 0..1, seed-averaged."""
    each = iou(scored.intersections[row], scored.unions[row])
    return np.stack([*((each >= threshold).mean(axis=0) for threshold in THRESHOLDS), each.mean(axis=0)])


def wins(scored: Scored, row: str, reference: str) -> Floats:
    """(1,E) share of seed pairs in which a row's IoU is above the reference's; ties count half.

    Pairs are counted by the places of one row's seeds among the other's in order: of hundreds of seeds a row there
    are too many to be held at once.
    """
    one = iou(scored.intersections[row], scored.unions[row])
    other = iou(scored.intersections[reference], scored.unions[reference])
    twice = [
        ordered.searchsorted(mine, "left").sum() + ordered.searchsorted(mine, "right").sum()
        for mine, ordered in zip(one.T, np.sort(other, axis=0).T, strict=True)
    ]
    return np.array(twice)[None] / (2 * len(one) * len(other))


def sum_by_image(scored: Scored, terms: Floats) -> Floats:
    """(K,E) terms of expressions -> (C,K) sums over the expressions of each image."""
    table = np.zeros((scored.images.max() + 1, len(terms)))
    np.add.at(table, scored.images, terms.T)
    return table


def draws(random: np.random.Generator, images: int, resamples: int) -> Iterator[Floats]:
    """How often each image is drawn when as many are drawn with replacement as there are, (B,C) a chunk."""
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = random.integers(0, images, (size, images)) + images * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * images).reshape(size, images).astype(np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """part / whole, 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def image_intervals(
    intersections: Sequence[int] | NDArray[np.integer],
    unions: Sequence[int] | NDArray[np.integer],
    images: Sequence[object] | NDArray[np.generic],
    resamples: int = 1000,
) -> dict[str, tuple[float, float]]:
    """95 % percentile bootstrap intervals, in percent, of one model's scores over other images.

    What other trainings would score is not in them (`reports.statistics` has intervals over seeds too).

    Args:
        intersections: As of `metrics.score`.
        unions: As of `metrics.score`.
        images: The image of each expression.
        resamples: The same ones every time.
    """
    _, image = np.unique(np.asarray(images), return_inverse=True)
    pixels = [{"": np.asarray(each, np.int64)[None]} for each in (intersections, unions)]
    sums = ImageSums.of(Scored(image, *pixels), "")
    random = np.random.default_rng(0)
    scores = np.concatenate([sums.statistics(counts) for counts in draws(random, len(sums.table), resamples)])
    low, high = np.percentile(scores[:, 0, :-1], (2.5, 97.5), axis=0).tolist()
    return dict(zip(NAMES, zip(low, high, strict=True), strict=True))
