"""The numbers behind a study's figures and the charts of its page, as tidy tables: a line per point that is drawn."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.statistics.groups import by_category, seed_ious
from reports.statistics.samples import Samples

Floats = NDArray[np.float64]
TENTHS = np.linspace(0, 1, 101)
SIZE_BINS = 8  # with as many expressions each


def reached(ious: Floats) -> Floats:
    """Percentage of expressions (E,) whose IoU in percent reaches each of `TENTHS`."""
    below = np.sort(ious).searchsorted(100 * TENTHS)
    return 100 * ((len(ious) - below) / len(ious))


def thresholds(samples: Samples) -> pd.DataFrame:
    """Share of the expressions that reach an IoU: row, threshold (0..1], mean, low, high (percent, over seeds)."""
    parts = []
    for key in samples.scored.rows:
        shares = np.stack([reached(each) for each in seed_ious(samples, key)])[:, 1:]
        parts.append(
            pd.DataFrame(
                {
                    "row": key,
                    "threshold": TENTHS[1:],
                    "mean": shares.mean(axis=0),
                    "low": shares.min(axis=0),
                    "high": shares.max(axis=0),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def sizes(samples: Samples) -> pd.DataFrame:
    """Mean IoU by object size, in bins of as many expressions each: row, share (median, percent of the image), iou."""
    share = samples.facts["share"].to_numpy(float) * 100
    edges = np.unique(np.quantile(share, np.linspace(0, 1, SIZE_BINS + 1)))
    place = np.clip(np.searchsorted(edges, share, side="right") - 1, 0, max(0, len(edges) - 2))
    parts = []
    for key in samples.scored.rows:
        table = pd.DataFrame({"place": place, "share": share, "iou": seed_ious(samples, key).mean(axis=0)})
        binned = table.groupby("place").agg(share=("share", "median"), iou=("iou", "mean"))
        parts.append(binned.assign(row=key))
    return pd.concat(parts, ignore_index=True)[["row", "share", "iou"]]


def categories(samples: Samples) -> pd.DataFrame:
    """Mean IoU of every category, seeds averaged: row, category, count (expressions), iou (percent)."""
    groups = by_category(samples.facts)
    lines = []
    for key in samples.scored.rows:
        means = seed_ious(samples, key).mean(axis=0)
        lines += [(key, group.name, int(group.member.sum()), means[group.member].mean()) for group in groups]
    return pd.DataFrame(lines, columns=["row", "category", "count", "iou"])


def training(history: pd.DataFrame) -> pd.DataFrame:
    """Score and loss by epoch, of the seeds of a row that got furthest together.

    Args:
        history: Of one data set: row, seed, epoch, loss, score.

    Returns:
        row, epoch, and mean, low, high over seeds of each, as `score_mean`, `loss_low` ...
    """
    named = {
        f"{column}_{name}": (column, how)
        for column in ("score", "loss")
        for name, how in (("mean", "mean"), ("low", "min"), ("high", "max"))
    }
    table = history.groupby(["row", "epoch"], sort=False).agg(**named, count=("seed", "count")).reset_index()
    together = table.groupby("row")["count"].transform("max") == table["count"]
    return table[together].drop(columns="count").sort_values(["row", "epoch"], kind="stable")
