"""What the page's browser of examples is given: every test expression, and pictures of the telling ones."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.storage import rle
from bench.storage.store import Store
from bench.terminal.errors import DataError
from reports.figures.scenes import NoScenes, ReadScenes, predictions, read_scenes
from reports.figures.style import looks
from reports.statistics.expression_types import expression_type, marked
from reports.statistics.frame import StudyFrame, StudyRow
from reports.statistics.groups import SIZES, by_size, seed_ious
from reports.statistics.samples import Samples
from reports.text.escape import plain

PICTURES = 240  # expressions of a data set that are shown with their image: a page of a few megabytes
MASKS = 8  # rows whose masks are drawn
SIDE = 192  # pixels: longest side of an image on the page


def browse(
    store: Store, frame: StudyFrame, samples: Samples, dataset: str, read: ReadScenes
) -> dict[str, Any]:
    """JSON-ready data of one data set's examples.

    Returns:
        rows: label, colour and line of every row with samples; base, better: places of the rows whose difference is the
        gain (base -1: there is one row only); items: one list an expression (sentence, spans, category, size, type,
        gain, IoU by row, picture or -1); pictures: {image, width, height, truth, masks by row}; images: data URLs;
        note: why there are no pictures, or how many.
    """
    rows = [row for row in frame.rows_on(dataset) if row.key in samples.scored.rows]
    looked = looks(frame.methods)
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
        "rows": [
            {"label": row.label, "color": looked[row.key].color, "line": looked[row.key].line} for row in rows
        ],
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
) -> tuple[dict[int, Any], dict[str, str], str]:
    cells = {row.key: next(iter(frame.cell_ids(dataset, row.key).items()), None) for row in rows}
    seed, first = next(found for found in cells.values() if found)
    try:
        scenes = read_scenes(store, first, dataset, read)
    except NoScenes as reason:
        return {}, {}, f"No pictures for {reason}."
    predicted = {
        key: table
        for key, found in cells.items()
        if found and (table := predictions(store, found[1])) is not None
    }
    pictures: dict[int, Any] = {}
    images: dict[str, str] = {}
    for place in chosen:
        fact = samples.facts.iloc[place]
        ref_id = int(fact["ref_id"])
        scene = scenes.get(ref_id)
        if scene is None or plain(scene.sentence) != fact["sentence"]:
            continue
        try:
            image = Image.fromarray(scene.pixels())
            truth = scene.truth()
        except DataError:
            continue
        scale = SIDE / max(image.size)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        images.setdefault(scene.image_id, _data_url(image, size))
        pictures[place] = {
            "image": scene.image_id,
            "width": size[0],
            "height": size[1],
            "truth": runs(truth, size),
            "masks": [_mask(predicted.get(row.key), ref_id, size) for row in rows],
        }
    shown = f"Pictures of {len(pictures):,} of {len(samples.facts):,} expressions; masks of seed {seed}."
    return (
        pictures,
        images,
        shown if pictures else "The data set on this machine is not the one that was scored.",
    )


def _mask(table: Any, ref_id: int, size: tuple[int, int]) -> str | None:
    if table is None or ref_id not in table.index:
        return None
    line = table.loc[ref_id]
    return runs(rle.decode(line["prediction"].encode(), (int(line["height"]), int(line["width"]))), size)


def _data_url(image: Image.Image, size: tuple[int, int]) -> str:
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(buffer, "jpeg", quality=78)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def runs(mask: NDArray[np.bool_], size: tuple[int, int]) -> str:
    """A mask at the size (width, height) of its picture: lengths of runs from the top left, outside first."""
    small = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)).ravel()
    ends = np.flatnonzero(np.diff(small, prepend=False, append=not small[-1]))
    return ",".join(map(str, np.diff(ends, prepend=0)))
