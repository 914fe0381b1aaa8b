"""What the numbers of a table support: intervals, paired comparisons, corrected p-values.

Expressions of one image are not independent, so images are what is resampled: an image is drawn, and all of
its expressions come with it, for every row alike (paired). Seeds of a row are averaged, not resampled:
intervals and p-values speak of other images, seen by these trained models. What other seeds would give is
said by the spread over seeds, and with one seed nothing is said. From three seeds on, `two_way` takes the place of
all this: its intervals and p-values speak of other seeds and other images together.

Every score is a function of sums over images, so a resample costs no more than a row of counts times a matrix
of per-image sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.storage.image_sums import (
    CHUNK,
    MEANS,
    Floats,
    ImageSums,
    Pixels,
    Scored,
    draws,
    mean_terms,
    ratio,
    sum_by_image,
)
from bench.storage.metrics import NAMES, THRESHOLDS, iou
from bench.terminal.errors import UserError

_KINDS = {**dict.fromkeys(("effect", "low", "high", "p", "seed_spread"), float), "over_seeds": bool}


@dataclass(frozen=True)
class Statistics:
    """The results, in percent (points) unless said otherwise.

    Attributes:
        rows: row, metric, seeds, mean, std (ddof=1), min, max over seeds, the mean's interval low, high, and
            over_seeds: whether that speaks of other seeds and images (True) or of other images alone.
        comparisons: row, metric, effect (row minus reference, seed-averaged), its interval low, high,
            p (two-sided), p_holm, seed_spread (standard deviation of such a difference when seeds alone
            change; NaN below two seeds a row), over_seeds, inside_seed_spread (effect no larger than that; else NA).
        improvement: row, share (0..1: how often the row beats the reference on an expression, over all pairs
            of seeds; ties count half), low, high.
    """

    rows: pd.DataFrame
    comparisons: pd.DataFrame
    improvement: pd.DataFrame


def align(samples: Mapping[str, Mapping[int, pd.DataFrame]]) -> Scored:
    """Puts the samples of several rows in one order.

    Args:
        samples: Row key to seed to the samples of one split: ref_id, image_id, intersection, union.

    Raises:
        UserError: Rows or seeds were scored on different expressions.
    """
    tables = {
        row: [table.set_index("ref_id").sort_index() for _, table in sorted(seeds.items())]
        for row, seeds in samples.items()
    }
    first = next(iter(tables.values()))[0]
    for row, seeds in tables.items():
        if not all(table.index.equals(first.index) for table in seeds):
            raise UserError(
                f"{row}: scored on other expressions than the rows it is compared with.",
                "Compare rows of one study, data set and protocol.",
            )
    return Scored(
        images=pd.factorize(first["image_id"])[0],
        intersections={row: _stacked(seeds, "intersection") for row, seeds in tables.items()},
        unions={row: _stacked(seeds, "union") for row, seeds in tables.items()},
    )


def _stacked(tables: Sequence[pd.DataFrame], column: str) -> Pixels:
    return np.stack([table[column].to_numpy(dtype=np.int64) for table in tables])


def analyse(
    scored: Scored,
    reference: str,
    *,
    metrics: Sequence[str] = NAMES,
    resamples: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> Statistics:
    """Intervals for every row and the comparison of every row with the reference.

    Args:
        scored: Expressions and their scores.
        reference: Key of the row the others are compared with.
        metrics: Which comparisons are made; Holm's correction is over all of them (rows x metrics).
        resamples: Of the bootstrap and of the permutation test.
        level: Of the intervals (percentile bootstrap over images).
        seed: Of the resampling.
    """
    random = np.random.default_rng(seed)
    sums = ImageSums.of(scored, reference)
    found = sums.statistics(np.ones((1, len(sums.table))))[0]
    drawn = np.concatenate([sums.statistics(counts) for counts in draws(random, len(sums.table), resamples)])
    base = scored.rows.index(reference)
    tails = [(1 - level) / 2, (1 + level) / 2]
    interval = np.quantile(drawn, tails, axis=0)  # (2,R,M+1)
    gains = np.stack([found - found[base], *np.quantile(drawn - drawn[:, [base]], tails, axis=0)])
    p_values = permutation_test(scored, reference, random, resamples)
    p_values |= {reference: dict.fromkeys(NAMES, 1.0)}
    places = dict(enumerate(scored.rows))
    return tabulate(
        {row: seed_scores(scored, row) for row in scored.rows},
        reference,
        metrics,
        {row: interval[:, place, :-1] for place, row in places.items()},
        {
            row: np.stack([*gains[:, place, :-1], [p_values[row][name] for name in NAMES]])
            for place, row in places.items()
        },
        {row: np.array([found[place, -1], *interval[:, place, -1]]) for place, row in places.items()},
        over_seeds=False,
    )


def tabulate(
    seeds: Mapping[str, Floats],
    reference: str,
    metrics: Sequence[str],
    intervals: Mapping[str, Floats],
    gains: Mapping[str, Floats],
    shares: Mapping[str, Floats],
    *,
    over_seeds: bool,
) -> Statistics:
    """Puts what was computed of every row into tables.

    Args:
        seeds: (S,M) scores of each seed, by row.
        reference: Key of the row the others are compared with.
        metrics: Which comparisons are kept; Holm's correction is over all of them (rows x metrics).
        intervals: (2,M) ends of each row's intervals.
        gains: (4,M) row minus reference, the ends of its interval, its p-value.
        shares: (3,) how often the row beats the reference, and the ends of that interval.
        over_seeds: Whether intervals and p-values speak of other seeds too.
    """
    rows, comparisons = [], []
    for row, scores in seeds.items():
        for column, metric in enumerate(NAMES):
            low, high = intervals[row][:, column]
            line = {"row": row, "metric": metric, **_over_seeds(scores[:, column]), "low": low, "high": high}
            rows.append(line | {"over_seeds": over_seeds})
            if row != reference and metric in metrics:
                spread = _seed_spread(scores[:, column], seeds[reference][:, column])
                comparisons.append((row, metric, *gains[row][:, column], spread, over_seeds))
    improvement = [(row, *shares[row]) for row in seeds if row != reference]
    return Statistics(
        pd.DataFrame(rows),
        _corrected(comparisons),
        pd.DataFrame(improvement, columns=["row", "share", "low", "high"]),
    )


def _corrected(comparisons: list[tuple[object, ...]]) -> pd.DataFrame:
    columns = ["row", "metric", "effect", "low", "high", "p", "seed_spread", "over_seeds"]
    table = pd.DataFrame(comparisons, columns=columns).astype(_KINDS)
    inside = (table["effect"].abs() <= table["seed_spread"]).astype("boolean")
    table["inside_seed_spread"] = inside.mask(table["seed_spread"].isna())
    table.insert(columns.index("p") + 1, "p_holm", holm(table["p"].to_numpy()))
    return table


def permutation_test(
    scored: Scored, reference: str, random: np.random.Generator, resamples: int
) -> dict[str, dict[str, float]]:
    """Two-sided p-values of every row against the reference, by metric.

    If a row and the reference are equally good, their results on an image can be swapped. An image's
    expressions are swapped together, and all seeds with them (exact where both rows have as many seeds). For
    oIoU the statistic is the difference of the ratios of seed-averaged sums. The observed labelling counts as
    one of the permutations, so no p is 0.
    """
    rows = [row for row in scored.rows if row != reference]
    if not rows:
        return {}
    base = _swappable(scored, reference)
    tables = [(_swappable(scored, row), base) for row in rows]
    halves = np.stack([(one - other) / 2 for one, other in tables])  # (R,C,K)
    centres = np.stack([(one + other).sum(axis=0) / 2 for one, other in tables])  # (R,K)
    flat = np.moveaxis(halves, 1, 0).reshape(halves.shape[1], -1)

    def differences(signs: Floats) -> Floats:
        shifts = (signs @ flat).reshape(len(signs), len(rows), -1)
        one, other = centres + shifts, centres - shifts
        pooled = [ratio(side[..., -2], side[..., -1]) for side in (one, other)]
        return np.concatenate([shifts[..., :-2], (pooled[0] - pooled[1])[..., None]], axis=2)

    observed = np.abs(differences(np.ones((1, len(flat)))))
    reached = np.ones_like(observed[0])
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        bits = np.unpackbits(np.frombuffer(random.bytes(size * -(-len(flat) // 8)), np.uint8))
        signs = 2 * bits.reshape(size, -1)[:, : len(flat)].astype(np.float64) - 1
        reached += (np.abs(differences(signs)) >= observed * (1 - 1e-9)).sum(axis=0)
    values = reached / (resamples + 1)
    names = [*MEANS, "oIoU"]
    return {row: dict(zip(names, line.tolist(), strict=True)) for row, line in zip(rows, values, strict=True)}


def _swappable(scored: Scored, row: str) -> Floats:
    """(C,M+2) per image: the means' terms, then intersections and unions, all seed-averaged."""
    pixels = [scored.intersections[row].mean(axis=0), scored.unions[row].mean(axis=0)]
    return sum_by_image(scored, np.concatenate([mean_terms(scored, row), pixels]))


def holm(p_values: Floats) -> Floats:
    """Holm's step-down correction (1979): bounds the chance of any false positive in the whole family."""
    order = np.argsort(p_values)
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    adjusted = np.empty_like(steps)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def seed_scores(scored: Scored, row: str) -> Floats:
    """(S,M) `NAMES` of each seed, in percent."""
    each = iou(scored.intersections[row], scored.unions[row])
    overall = iou(scored.intersections[row].sum(axis=1), scored.unions[row].sum(axis=1))
    columns = {f"P@{threshold}": (each >= threshold).mean(axis=1) for threshold in THRESHOLDS}
    columns |= {"oIoU": overall, "mIoU": each.mean(axis=1)}
    return 100 * np.stack([columns[name] for name in NAMES], axis=1)


def _over_seeds(values: Floats) -> dict[str, float]:
    std = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return {"seeds": len(values), "mean": values.mean(), "std": std, "min": values.min(), "max": values.max()}


def _seed_spread(row: Floats, reference: Floats) -> float:
    """Standard deviation over seeds of the difference of two independent rows; NaN below two seeds each."""
    if min(len(row), len(reference)) < 2:
        return float("nan")
    return float(np.sqrt(row.var(ddof=1) + reference.var(ddof=1)))
