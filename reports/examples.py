"""A figure of examples chosen by rule: image, truth and every row's mask with its IoU."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from bench.config.compose import restore
from bench.data.index import read_index
from bench.data.reference import Reference
from bench.images.read import open_image
from bench.storage import rle
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.escape import plain
from reports.frame import Row, StudyFrame
from reports.strips import Strip, lay_out
from reports.style import Look, looks

SIDE = 360  # pixels: longest side of an image in the figure
GAIN, MEDIAN, LOSS, FAILURE = "Largest gain", "Median gain", "Largest loss", "Typical failure"
RULE = ((GAIN, 2), (MEDIAN, 1), (LOSS, 2))
FAILURES = 3
FAILED = 0.1  # IoU that no row reaches on an expression that all fail on


class NoExamples(Exception):
    """Why a figure of examples cannot be drawn, for people."""


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
    base: Row
    better: Row
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
        NoExamples: No two rows have stored predictions for the same seed.
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
    raise NoExamples(f"{dataset}: no two rows have stored predictions for the same seed")


def predictions(store: Store, cell: str) -> pd.DataFrame | None:
    """A cell's test samples with predicted masks, by reference id; None where it stored none."""
    samples = store.cell(cell).samples()
    if samples is None or "prediction" not in samples:
        return None
    return samples[samples["split"] == "test"].set_index("ref_id")


def read_references(store: Store, compared: Compared) -> dict[int, Reference]:
    """The test references of the data set of a comparison, by id; see `read_set`."""
    return read_set(store, compared.cell, compared.dataset)


def read_set(store: Store, cell: str, dataset: str) -> dict[int, Reference]:
    """The test references of the data set a cell was scored on, by id.

    Raises:
        NoExamples: The data set is not on this machine, or cannot be read.
    """
    data = restore(store.cell(cell).config()).data
    if not Path(data.root).expanduser().is_dir():
        raise NoExamples(f"{dataset}: its images are not on this machine (data.root={data.root})")
    stored = replace(data, synthetic=None)  # read what is there; drawing it anew could replace a set in use
    try:
        return {reference.ref_id: reference for reference in read_index(stored).split("test")}
    except UserError as error:
        raise NoExamples(f"{dataset}: {error.what.rstrip('.')}") from None


def draw(compared: Compared, frame: StudyFrame, references: dict[int, Reference]) -> dict[str, Figure]:
    """Image, truth and every row's mask with its IoU: gains and losses as `examples`, and `failures` if there are any.

    Raises:
        NoExamples: The stored samples are not of this data set.
        DataError: An image or mask cannot be read.
    """
    base, better = compared.samples[compared.base.key], compared.samples[compared.better.key]
    known = {ref_id: (found.image_id, found.sentence) for ref_id, found in references.items()}
    scored = base[["image_id", "sentence"]].apply(tuple, axis=1)
    gains = (better["iou"] - base["iou"])[scored == scored.index.map(known)].dropna()
    if gains.empty:
        raise NoExamples(f"{compared.dataset}: the data set on this machine is not the one that was scored")
    images = base["image_id"]
    best = pd.concat([samples["iou"] for samples in compared.samples.values()], axis=1).max(axis=1)
    chosen = {"examples": choose(gains, images), "failures": choose_failures(best[gains.index], images)}
    return {
        name: _figure(compared, frame, references, examples) for name, examples in chosen.items() if examples
    }


def _figure(
    compared: Compared, frame: StudyFrame, references: dict[int, Reference], chosen: Sequence[Example]
) -> Figure:
    rows = frame.rows_on(compared.dataset)
    looked = looks(frame.methods)
    strips = [
        Strip(
            sentence=plain(references[example.ref_id].sentence),
            why=_why(example, compared),
            panels=_panels(compared, rows, references[example.ref_id], looked),
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
    compared: Compared, rows: Sequence[Row], reference: Reference, looked: dict[str, Look]
) -> list[tuple[np.ndarray, str]]:
    """The pictures of one expression, from left to right, and what stands below each."""
    image = sized(open_image(reference.image, "RGB"))
    pixels = np.asarray(image)
    truth = fit(reference.mask.read(), image.size)
    panels = [(pixels, ""), (outlined(pixels, truth), "")]
    for row in rows:
        samples = compared.samples.get(row.key)
        if samples is None or reference.ref_id not in samples.index:
            panels.append((np.full_like(pixels, 240), "no result"))
            continue
        line: dict[Any, Any] = samples.loc[reference.ref_id].to_dict()
        mask = rle.decode(line["prediction"].encode(), (line["height"], line["width"]))
        laid = painted(pixels, fit(mask, image.size), looked[row.key].color)
        panels.append((outlined(laid, truth), f"{100 * line['iou']:.1f}"))
    return panels


def sized(image: Image.Image) -> Image.Image:
    """An image as large as figures show it."""
    scale = SIDE / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def fit(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A mask (H,W) bool at the size (width, height) of the image shown."""
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def painted(pixels: np.ndarray, mask: np.ndarray, color: str) -> np.ndarray:
    """The image with a mask laid over it in a colour; what lies outside is dimmed a little."""
    tint = 255 * np.array(to_rgb(color))
    laid = np.where(mask[..., None], 0.4 * pixels + 0.6 * tint, 0.85 * pixels)
    return laid.astype(np.uint8)


def outlined(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with a white line, dark at its outside, around a mask."""
    outlined = pixels.copy()
    line = _grown(mask, 2)
    outlined[_grown(line, 1) & ~mask] = 30
    outlined[line & ~mask] = 255
    return outlined


def _grown(mask: np.ndarray, steps: int) -> np.ndarray:
    for _ in range(steps):
        padded = np.pad(mask, 1)
        across = padded[1:-1, :-2] | padded[1:-1, 2:]
        mask = mask | across | padded[:-2, 1:-1] | padded[2:, 1:-1]
    return mask
