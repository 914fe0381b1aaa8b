"""Draws docs/figures/statistics.png: `python -m tests.reports.draw_statistics docs/figures/statistics`."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from reports.figures.palette import HUES
from reports.figures.style import WIDTH, save, style
from reports.statistics.resampling import align, analyse
from tests.reports.statistics.test_resampling import simulate

TABLES, ROWS, REPEATS = 40, 5, 100
GAINS = (0.0, 0.5, 1.0, 2.0, 3.0)
RESAMPLES = 1000


def equal_rows() -> tuple[np.ndarray, np.ndarray]:
    """p-values of comparisons of equally good rows, plain and after Holm over tables of five."""
    random = np.random.default_rng(10)
    plain, corrected = [], []
    for table in range(TABLES):
        scored = align(simulate(random, [0.0] * (ROWS + 1)))
        found = analyse(scored, "row 0", metrics=["mIoU"], resamples=RESAMPLES, seed=table).comparisons
        plain += list(found["p"])
        corrected += list(found["p_holm"])
    return np.sort(plain), np.sort(corrected)


def power(noise: float) -> list[float]:
    """How often a planted gain in mIoU is found at p < 0.05, by gain."""
    random = np.random.default_rng(11)
    found = []
    for gain in GAINS:
        tables = (align(simulate(random, [0.0, gain], noise=noise)) for _ in range(REPEATS))
        lines = [
            analyse(t, "row 0", metrics=["mIoU"], resamples=RESAMPLES).comparisons.iloc[0] for t in tables
        ]
        found.append(float(np.mean([line["p_holm"] < 0.05 for line in lines])))
    return found


def draw() -> Figure:
    """Left: p-values of equal rows against what chance gives. Right: power by planted gain."""
    figure = Figure(figsize=(WIDTH, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2)
    plain, corrected = equal_rows()
    share = np.arange(1, len(plain) + 1) / len(plain)
    left.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    for values, name, color in (
        (plain, "each by itself", HUES["blue"].color),
        (corrected, "Holm over tables of 5", HUES["orange"].color),
    ):
        said = f"{name}: {np.mean(values < 0.05):.1%} below 0.05"
        left.step(np.append(values, 1.0), np.append(share, 1.0), where="post", color=color, label=said)
    left.set(xlabel="p-value", ylabel="Share of comparisons", xlim=(0, 1), ylim=(0, 1))
    left.set_title(f"{len(plain)} comparisons of equally good rows")
    left.legend(loc="upper left")
    for noise, color in ((0.3, HUES["green"].color), (0.6, HUES["red"].color)):
        right.plot(
            GAINS,
            power(noise),
            "o-",
            color=color,
            label=f"rows disagree {'little' if noise < 0.5 else 'much'}",
        )
    right.set(xlabel="Planted gain (points of mIoU)", ylabel="Found at p < 0.05", ylim=(0, 1.03))
    right.set_title("3,500 expressions of 3,000 images, one seed")
    right.legend(loc="lower right")
    return figure


if __name__ == "__main__":
    with style():
        save(draw(), Path(sys.argv[1]))
