"""How far scores would move with other seeds and other images together: both are samples, neither is all there is.

The score of seed s on image i is taken as mean + seed s + image i + what both do together (two-way random effects).
The variance of the mean over all of them follows from three variances that the table itself shows: between images,
between seeds, and of the rest, which the first two both contain and which is therefore taken off once. Few seeds say
little of seeds: intervals and p-values are Student's, at Satterthwaite's degrees of freedom (near S - 1 where seeds
are most of what varies, near C - 1 where images are).

Rows are compared on the same images (paired); their seeds are trainings of their own, so that seeds of both add to the
variance of a difference. A ratio of sums (oIoU) is taken by what each image adds to it (linearised).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from bench.storage.image_sums import Floats, Scored, wins
from bench.storage.metrics import NAMES, iou
from reports.statistics.resampling import Statistics, holm, seed_scores, tabulate

SEEDS = 3  # below, a table says too little of seeds to speak of other trainings
LEVEL = 0.95
ALPHA = 0.05


@dataclass(frozen=True)
class Parts:
    """What the mean of one row is made of, by metric, in percent.

    Attributes:
        seeds: How many.
        mean: (M,) over seeds and images.
        by_image: (M,C) what each image adds to the mean's distance from it, seed-averaged; sums to 0 over images.
        of_seeds: (M,) variance of the mean that seeds leave; 0 with one seed.
        of_both: (M,) variance of the mean that seeds and images leave together, also part of the other two.
    """

    seeds: int
    mean: Floats
    by_image: Floats
    of_seeds: Floats
    of_both: Floats


@dataclass(frozen=True)
class Estimate:
    """A mean or a difference with its interval and the two-sided p-value of being 0, (M,) each."""

    value: Floats
    low: Floats
    high: Floats
    p: Floats


def parts(scored: Scored, row: str, metrics: Sequence[str] = NAMES) -> Parts:
    """What a row's means are made of.

    Args:
        scored: Expressions and their scores.
        row: Which.
        metrics: Which; M of them.
    """
    order = np.argsort(scored.images, kind="stable")
    starts = np.flatnonzero(np.diff(scored.images[order], prepend=-1))
    inside, outside = (each[row][:, order].astype(float) for each in (scored.intersections, scored.unions))
    each = iou(inside, outside)
    seeds, images = len(each), len(starts)
    found: list[tuple[float, Floats, float, float]] = []
    for metric in metrics:
        means, added = _added(metric, each, inside, outside)
        by_seed = 100 * np.add.reduceat(added, starts, axis=1)  # (S,C)
        by_image = by_seed.mean(axis=0)
        together = ((by_seed - by_image) ** 2).sum() / max((seeds - 1) * seeds, 1) * _bessel(images)
        of_seeds = means.var(ddof=1) / seeds if seeds > 1 else 0.0
        found.append((means.mean(), by_image, of_seeds, together))
    columns = zip(*found, strict=True)
    return Parts(seeds, *(np.array(column) for column in columns))


def _added(metric: str, each: Floats, inside: Floats, outside: Floats) -> tuple[Floats, Floats]:
    """(S,) scores in percent, and (S,E) what every expression adds to their distance from them, 0..1."""
    if metric == "oIoU":
        total = np.maximum(outside.sum(axis=1, keepdims=True), 1)
        ratio = inside.sum(axis=1, keepdims=True) / total
        return 100 * ratio[:, 0], (inside - ratio * outside) / total
    values = each if metric == "mIoU" else (each >= float(metric.removeprefix("P@"))).astype(float)
    means = values.mean(axis=1, keepdims=True)
    return 100 * means[:, 0], (values - means) / values.shape[1]


def _bessel(images: int) -> float:
    return images / (images - 1) if images > 1 else 0.0


def of_row(row: Parts) -> Estimate:
    """A row's means; their intervals stay within 0..100."""
    found = _estimate(row.mean, row.by_image, [row])
    return Estimate(found.value, found.low.clip(0, 100), found.high.clip(0, 100), found.p)


def difference(row: Parts, base: Parts) -> Estimate:
    """A row minus another on the same images."""
    return _estimate(row.mean - base.mean, row.by_image - base.by_image, [row, base])


def _estimate(value: Floats, by_image: Floats, rows: Sequence[Parts]) -> Estimate:
    images = by_image.shape[1]
    of_images = (by_image**2).sum(axis=1) * _bessel(images)
    of_seeds = np.sum([row.of_seeds for row in rows], axis=0)
    of_both = np.sum([row.of_both for row in rows], axis=0)
    variance = np.maximum(of_images + of_seeds - of_both, np.maximum(of_images, of_seeds))
    uncertain = of_images**2 / max(images - 1, 1) + sum(
        row.of_seeds**2 / (row.seeds - 1) for row in rows if row.seeds > 1
    )
    freedom = np.divide(variance**2, uncertain, out=np.ones_like(variance), where=uncertain > 0)
    error = np.sqrt(variance)
    reach = stdtrit(freedom, (1 + LEVEL) / 2) * error
    # where no variance was estimated, as of one image and one seed, nothing is known
    t = np.divide(np.abs(value), error, out=np.zeros_like(error), where=(error > 0) & (uncertain > 0))
    return Estimate(value, value - reach, value + reach, 2 * stdtr(freedom, -t))


def seeds_and_images(scored: Scored, row: str) -> dict[str, tuple[float, float]]:
    """The 95 % interval of a row's mean that covers other seeds and other images, by metric, in percent.

    With one seed it covers images alone.
    """
    found = of_row(parts(scored, row))
    return {
        name: (low, high)
        for name, low, high in zip(NAMES, found.low.tolist(), found.high.tolist(), strict=True)
    }


def analyse_both(scored: Scored, reference: str, metrics: Sequence[str] = NAMES) -> Statistics:
    """What `resampling.analyse` gives over images, over seeds and images together; rows of two seeds or more.

    Args:
        scored: Expressions and their scores.
        reference: Key of the row the others are compared with.
        metrics: Which comparisons are made.
    """
    made = {row: parts(scored, row) for row in scored.rows}
    intervals = {row: of_row(each) for row, each in made.items()}
    gains = {row: difference(each, made[reference]) for row, each in made.items() if row != reference}
    shares = {row: _share(scored, row, reference) for row in gains}
    return tabulate(
        {row: seed_scores(scored, row) for row in scored.rows},
        reference,
        metrics,
        {row: np.stack([each.low, each.high]) for row, each in intervals.items()},
        {row: np.stack([each.value, each.low, each.high, each.p]) for row, each in gains.items()},
        shares,
        over_seeds=True,
    )


def _share(scored: Scored, row: str, reference: str) -> Floats:
    """How often a row beats the reference, and the ends of the interval over images."""
    won = wins(scored, row, reference)[0]
    share = won.mean()
    sums = np.bincount(scored.images, weights=(won - share) / len(won))
    found = _estimate(np.array([share]), np.asarray(sums[None], float), [])
    return np.concatenate([found.value, found.low.clip(0, 1), found.high.clip(0, 1)])


@dataclass(frozen=True)
class Leading:
    """The rows that cannot be told from the highest of one metric, the highest first.

    Attributes:
        rows: Their keys.
        of: How many competed.
        over_seeds: Whether the test speaks of other trainings too, or of other images alone.
    """

    rows: tuple[str, ...]
    of: int
    over_seeds: bool

    @property
    def stand_out(self) -> tuple[str, ...]:
        """The rows worth a mark: none where all lead or where the test does not speak of other trainings."""
        return self.rows if self.over_seeds and len(self.rows) < self.of else ()


def leading(
    scored: Scored,
    rows: Sequence[str],
    metrics: Sequence[str] = NAMES,
    member: NDArray[np.bool_] | None = None,
) -> dict[str, Leading]:
    """By metric, the rows that a paired test cannot tell from the highest (p >= 0.05, Holm-corrected by metric).

    Args:
        scored: Expressions and their scores.
        rows: Those that compete; others are not looked at.
        metrics: Which.
        member: (E,) the expressions that count; None: all.
    """
    if not rows:
        return {}
    part = scored if member is None else _part(scored, rows, member)
    made = {row: parts(part, row, metrics) for row in rows}
    over_seeds = all(each.seeds >= SEEDS for each in made.values())
    means = np.stack([each.mean for each in made.values()])
    found = {}
    for place, metric in enumerate(metrics):
        best = rows[int(means[:, place].argmax())]
        others = [row for row in rows if row != best]
        p = holm(np.array([difference(made[row], made[best]).p[place] for row in others]))
        near = [row for row, value in zip(others, p, strict=True) if value >= ALPHA]
        near.sort(key=lambda row: -made[row].mean[place])
        found[metric] = Leading((best, *near), len(rows), over_seeds)
    return found


def _part(scored: Scored, rows: Sequence[str], member: NDArray[np.bool_]) -> Scored:
    images = np.unique(scored.images[member], return_inverse=True)[1]
    intersections, unions = (
        {row: each[row][:, member] for row in rows} for each in (scored.intersections, scored.unions)
    )
    return Scored(images, intersections, unions)
