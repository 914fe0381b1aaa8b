"""A figure of examples chosen by rule: image, truth and every row's mask with its IoU."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.storage import rle
from bench.storage.store import Store
from reports.figures.masks import fit, outlined, painted, sized
from reports.figures.palette import Look, looks
from reports.figures.scenes import NoScenes, Scene, predictions
from reports.figures.strips import Strip, lay_out
from reports.statistics.frame import StudyFrame, StudyRow
from reports.text.escape import plain

GAIN, MEDIAN, LOSS, FAILURE = "Largest gain", "Median gain", "Largest loss", "Typical failure"
RULE = ((GAIN, 2), (MEDIAN, 1), (LOSS, 2))
FAILURES = 3
FAILED = 0.1  # IoU that no row reaches on an expression that all fail on


@dataclass(frozen=True)
class Example:
    """One expression of a figure: why it was chosen, and the number that chose it.

    `value` is the gain (IoU, -1..1), of a failure the IoU of the row that does best.
    """

    why: str
    value: float
    ref_id: int


@dataclass(frozen=True)
class Compared:
    """The test samples of one data set and seed, by row, and the two rows that choose the examples.

    `cell` is the id of the first row's cell, whose configuration names the data set.
    """

    dataset: str
    seed: int
    cell: str
    base: StudyRow
    better: StudyRow
    samples: dict[str, pd.DataFrame]


def choose(gains: pd.Series, images: pd.Series, seed: int = 0) -> list[Example]:
    """The largest gains, the median and the largest losses, no image twice; ties fall by `seed`.

    Args:
        gains: Difference in IoU, by reference id.
        images: Image id, by reference id.
        seed: Of the shuffle that breaks ties.
    """
    order = gains.sample(frac=1, random_state=seed).sort_values(ascending=False, kind="stable")
    ends = {GAIN: order, MEDIAN: _from_the_middle(order), LOSS: order[::-1]}
    chosen: list[Example] = []
    seen: set[str] = set()
    for why, count in RULE:
        fresh = (ref_id for ref_id in ends[why].index if images[ref_id] not in seen)
        for _ in range(count):
            if (ref_id := next(fresh, None)) is not None:
                seen.add(images[ref_id])
                chosen.append(Example(why, float(gains[ref_id]), int(ref_id)))
    return chosen


def choose_failures(best: pd.Series, images: pd.Series, seed: int = 0) -> list[Example]:
    """Typical expressions that every row fails on, no image twice: drawn by `seed`, not the most extreme.

    Args:
        best: Highest IoU of any row, by reference id.
        images: Image id, by reference id.
        seed: Of the draw.
    """
    drawn = best[best < FAILED].sample(frac=1, random_state=seed)
    fresh = drawn[~images[drawn.index].duplicated().to_numpy()]
    return [
        Example(FAILURE, float(value), int(str(ref_id))) for ref_id, value in fresh.iloc[:FAILURES].items()
    ]


def _from_the_middle(order: pd.Series) -> pd.Series:
    distance = np.abs(np.arange(len(order)) - len(order) // 2)
    return order.iloc[np.argsort(distance, kind="stable")]


def compare(store: Store, frame: StudyFrame, dataset: str) -> Compared:
    """The first row's samples beside the reference row's, of the smallest seed two rows have.

    While the reference row has none, or where it is the first, the last row takes its place.

    Raises:
        NoScenes: No two rows have stored predictions for the same seed.
    """
    table = frame.results[(frame.results["dataset"] == dataset) & (frame.results["state"] == "done")]
    for seed in sorted(table["seed"].unique()):
        cells: dict[Any, Any] = (
            table[table["seed"] == seed].drop_duplicates("row").set_index("row")["cell"].to_dict()
        )
        samples = {
            key: found for key, cell in cells.items() if (found := predictions(store, cell)) is not None
        }
        have = [row for row in frame.rows_on(dataset) if row.key in samples]
        if len(have) > 1:
            better = next((row for row in have[1:] if row == frame.reference), have[-1])
            return Compared(dataset, int(seed), cells[have[0].key], have[0], better, samples)
    raise NoScenes(f"{dataset}: no two rows have stored predictions for the same seed")


def draw(compared: Compared, frame: StudyFrame, scenes: Mapping[int, Scene]) -> dict[str, Figure]:
    """Image, truth and every row's mask with its IoU: gains and losses as `examples`, and `failures` if there are any.

    Raises:
        NoScenes: The stored samples are not of this data set.
        DataError: An image or mask cannot be read.
    """
    base, better = compared.samples[compared.base.key], compared.samples[compared.better.key]
    known = {ref_id: (scene.image_id, scene.sentence) for ref_id, scene in scenes.items()}
    scored = base[["image_id", "sentence"]].apply(tuple, axis=1)
    gains = (better["iou"] - base["iou"])[scored == scored.index.map(known)].dropna()
    if gains.empty:
        raise NoScenes(f"{compared.dataset}: the data set on this machine is not the one that was scored")
    images = base["image_id"]
    best = pd.concat([samples["iou"] for samples in compared.samples.values()], axis=1).max(axis=1)
    chosen = {"examples": choose(gains, images), "failures": choose_failures(best[gains.index], images)}
    return {name: _figure(compared, frame, scenes, examples) for name, examples in chosen.items() if examples}


def _figure(
    compared: Compared, frame: StudyFrame, scenes: Mapping[int, Scene], chosen: Sequence[Example]
) -> Figure:
    rows = frame.rows_on(compared.dataset)
    looked = looks(frame.methods)
    strips = [
        Strip(
            sentence=plain(scenes[example.ref_id].sentence),
            why=_why(example, compared),
            panels=_panels(compared, rows, example.ref_id, scenes[example.ref_id], looked),
        )
        for example in chosen
    ]
    heads = ["Image", "Truth", *(row.label for row in rows)]
    foot = (
        f"White line: truth. Colour: the row's mask; below: its IoU in %. Test split, seed {compared.seed}."
    )
    return lay_out(heads, strips, foot)


def _why(example: Example, compared: Compared) -> str:
    if example.why == FAILURE:
        return f"{example.why}: {100 * example.value:.1f} IoU at best"
    gain = f"{100 * example.value:+.1f}".replace("-", "−")
    return f"{example.why}: {compared.better.label} {gain} IoU against {compared.base.label}"


def _panels(
    compared: Compared, rows: Sequence[StudyRow], ref_id: int, scene: Scene, looked: dict[str, Look]
) -> list[tuple[np.ndarray, str]]:
    """The pictures of one expression, from left to right, and what stands below each."""
    image = sized(scene.pixels())
    pixels = np.asarray(image)
    truth = fit(scene.truth(), image.size)
    panels = [(pixels, ""), (outlined(pixels, truth), "")]
    for row in rows:
        samples = compared.samples.get(row.key)
        if samples is None or ref_id not in samples.index:
            panels.append((np.full_like(pixels, 240), "no result"))
            continue
        line: dict[Any, Any] = samples.loc[ref_id].to_dict()
        mask = rle.decode(line["prediction"].encode(), (line["height"], line["width"]))
        laid = painted(pixels, fit(mask, image.size), looked[row.key].lit)
        panels.append((outlined(laid, truth), f"{100 * line['iou']:.1f}"))
    return panels
