"""What the page's browser of examples is given: every test expression, and pictures of the telling ones."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from bench.storage import rle
from bench.storage.store import Store
from bench.terminal.errors import DataError
from reports.figures.scenes import NoScenes, ReadScenes, Scene, predictions, read_scenes
from reports.page.example_pictures import SIDE, WHERE, Window, outline, thumbnail, window_on
from reports.statistics.expression_types import expression_type, marked
from reports.statistics.frame import StudyFrame, StudyRow
from reports.statistics.groups import SIZES, by_size, seed_ious
from reports.statistics.samples import Samples
from reports.text.escape import plain

PICTURES = (
    120  # expressions of a data set that are shown with their image: a page of less than three megabytes
)
MASKS = 8  # rows whose masks are drawn


def browse(
    store: Store, frame: StudyFrame, samples: Samples, dataset: str, read: ReadScenes
) -> dict[str, Any]:
    """JSON-ready data of one data set's examples.

    Returns:
        rows: places in the study of every row with samples; base, better: places in `rows` of the two whose difference
        is the gain (base -1: there is one row only); items: one list an expression (sentence, spans, category, size,
        type, gain, IoU by row averaged over seeds, picture or -1); pictures: {image, width, height, truth, masks by
        row, ious by row: those of the masks}, those of crops with `whole`, the image with the crop's box; images: data
        URLs; note: why there are no pictures, or how many.
    """
    rows = [row for row in frame.rows_on(dataset) if row.key in samples.scored.rows]
    better = next((place for place, row in enumerate(rows[1:], 1) if row == frame.reference), len(rows) - 1)
    base = 0 if better else -1
    ious = np.stack([seed_ious(samples, row.key).mean(axis=0) for row in rows])
    gains = ious[better] - ious[base] if base >= 0 else np.zeros(ious.shape[1])
    chosen = telling(gains, ious.max(axis=0))
    pictures, images, note = _pictures(store, frame, samples, dataset, read, rows[:MASKS], chosen)
    picture_of = {place: number for number, place in enumerate(pictures)}
    names = list(SIZES)
    size_of = np.argmax([group.member for group in by_size(samples.facts)], axis=0)
    items = [
        [
            sentence,
            marked(sentence),
            category,
            names[size_of[place]],
            expression_type(sentence).value,
            round(float(gains[place]), 1) if base >= 0 else None,
            [round(float(value), 2) for value in ious[:, place]],
            picture_of.get(place, -1),
        ]
        for place, (sentence, category) in enumerate(
            zip(samples.facts["sentence"], samples.facts["category"], strict=True)
        )
    ]
    return {
        "dataset": dataset,
        "rows": [frame.rows.index(row) for row in rows],
        "base": base,
        "better": better,
        "items": items,
        "pictures": list(pictures.values()),
        "images": images,
        "note": note,
    }


def telling(gains: NDArray[np.float64], best: NDArray[np.float64], count: int = PICTURES) -> list[int]:
    """Places of the expressions worth a picture: largest gains and losses, what no row finds, and all between."""
    third = count // 3
    order = np.argsort(-gains, kind="stable")
    failures = np.argsort(best, kind="stable")[: count // 6]
    between = order[np.linspace(0, len(order) - 1, min(len(order), count // 6)).astype(int)]
    chosen = np.concatenate([order[:third], order[::-1][:third], failures, between])
    return [int(place) for place in dict.fromkeys(chosen.tolist())]


def _pictures(
    store: Store,
    frame: StudyFrame,
    samples: Samples,
    dataset: str,
    read: ReadScenes,
    rows: Sequence[StudyRow],
    chosen: Sequence[int],
) -> tuple[dict[int, Any], list[str], str]:
    cells = {row.key: next(iter(frame.cell_ids(dataset, row.key).items()), None) for row in rows}
    seed, first = next(found for found in cells.values() if found)
    try:
        scenes = read_scenes(store, first, dataset, read)
    except NoScenes as reason:
        return {}, [], f"No pictures for {reason}."
    predicted = {
        key: table
        for key, found in cells.items()
        if found and (table := predictions(store, found[1])) is not None
    }
    album = _Album()
    for place in chosen:
        fact = samples.facts.iloc[place]
        ref_id = int(fact["ref_id"])
        scene = scenes.get(ref_id)
        if scene is not None and plain(scene.sentence) == fact["sentence"]:
            shown = [_shown(predicted.get(row.key), ref_id) for row in rows]
            with suppress(DataError):  # an image that cannot be read is left out
                album.add(place, scene, shown)
    pictures = album.pictures
    said = f"Pictures of {len(pictures):,} of {len(samples.facts):,} expressions; masks of seed {seed}."
    return (
        pictures,
        album.images,
        said if pictures else "The data set on this machine is not the one that was scored.",
    )


class _Album:
    """Pictures by the place of their expression, and the images they show, none twice."""

    def __init__(self) -> None:
        self.pictures: dict[int, Any] = {}
        self.images: list[str] = []
        self._known: dict[tuple[str, Window, int], tuple[int, tuple[int, int]]] = {}

    def add(self, place: int, scene: Scene, shown: Sequence[tuple[NDArray[np.bool_], float] | None]) -> None:
        """Adds one expression, with mask and IoU (percent) by row.

        Raises:
            DataError: Its image or true mask cannot be read.
        """
        image, truth = Image.fromarray(scene.pixels()), scene.truth()
        window = window_on(truth)
        number, size = self._put(scene.image_id, image, window, SIDE)
        picture = {
            "image": number,
            "width": size[0],
            "height": size[1],
            "truth": outline(truth, window, size),
            "masks": [each and outline(each[0], window, size) for each in shown],
            "ious": [each and round(each[1], 1) for each in shown],
        }
        if window != Window():
            number, (width, height) = self._put(scene.image_id, image, Window(), WHERE)
            parts = (window.left * width, window.top * height, window.width * width, window.height * height)
            box = [round(part, 1) for part in parts]
            picture["whole"] = {"image": number, "width": width, "height": height, "box": box}
        self.pictures[place] = picture

    def _put(self, name: str, image: Image.Image, window: Window, side: int) -> tuple[int, tuple[int, int]]:
        """The place among the images of what a window shows, and its size."""
        if (name, window, side) not in self._known:
            url, size = thumbnail(image, window, side)
            self._known[name, window, side] = len(self.images), size
            self.images.append(url)
        return self._known[name, window, side]


def _shown(table: pd.DataFrame | None, ref_id: int) -> tuple[NDArray[np.bool_], float] | None:
    if table is None or ref_id not in table.index:
        return None
    line: dict[Any, Any] = table.loc[ref_id].to_dict()
    mask = rle.decode(line["prediction"].encode(), (int(line["height"]), int(line["width"])))
    return mask, 100 * float(line["iou"])
