"""A figure of what FIAM's context, object and position words do at every stage, for sentences a cell kept."""

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from bench.storage import rle
from bench.storage.attention_maps import KINDS, OBJECT, POSITION, Maps, read_maps
from bench.storage.store import Store
from reports.figures.masks import fit, outlined, painted, sized
from reports.figures.palette import looks
from reports.figures.scenes import NoScenes, ReadScenes, Scene, predictions, read_scenes
from reports.figures.sheet import GAP, GREY, LINE, SMALL, Sheet, break_up
from reports.statistics.frame import StudyFrame, StudyRow
from reports.text.escape import plain

HEAT = "cividis"  # sequential, read alike with any colour vision
PICTURE, SIDE, BAR = 1.14, 0.83, 0.1  # inches: side of a picture and of a map, width of a colour bar
LEFT, RIGHT = 1.6, 5.07  # inches: where the maps begin and end
NOTHING = 1e-3  # what rounding leaves of a response that is none

SAID = {
    "context": "share of attention\non the object words",
    "object": "length of the gated\nobject response",
    "position": "gate of the\nposition words",
}


@dataclass(frozen=True)
class CellMaps:
    """The maps of one cell and what they are shown with.

    Attributes:
        row: The cell's row.
        color: The row's.
        seed: The cell's seed.
        fusion: What fills the slot in its model.
        maps: What it kept.
        samples: Its test samples, by reference id.
        scenes: The test expressions, by reference id.
    """

    row: StudyRow
    color: str
    seed: int
    fusion: str
    maps: Maps
    samples: pd.DataFrame
    scenes: Mapping[int, Scene]


def find(store: Store, frame: StudyFrame, dataset: str, read: ReadScenes) -> CellMaps | None:
    """The maps of the reference row's first seed; of the last row that has some where it has none.

    Raises:
        NoScenes: There are maps, but their images or predictions are not on this machine.
    """
    rows = frame.rows_on(dataset)
    first = [row for row in rows if row == frame.reference]
    for row in (*first, *reversed(rows)):
        for seed, cell in frame.cell_ids(dataset, row.key).items():
            if (maps := read_maps(store.cell(cell))) is None:
                continue
            samples = predictions(store, cell)
            scenes = read_scenes(store, cell, dataset, read)
            if samples is None or not all(_scored(samples, scenes, each) for each in maps.ref_ids):
                raise NoScenes(f"{dataset}: the data set on this machine is not the one that was scored")
            color = looks(frame.methods)[row.key].lit
            fusion = store.cell(cell).config().get("model", {}).get("fusion", "")
            return CellMaps(row, color, seed, fusion, maps, samples, scenes)
    return None


def _scored(samples: pd.DataFrame, scenes: Mapping[int, Scene], ref_id: int) -> bool:
    if ref_id not in samples.index or ref_id not in scenes:
        return False
    scene, line = scenes[ref_id], samples.loc[ref_id]
    return (scene.image_id, scene.sentence) == (line["image_id"], line["sentence"])


def draw(cell: CellMaps) -> Figure:
    """For every sentence: the image with truth and prediction, and a row of maps by stage for each kind.

    Raises:
        DataError: An image or mask cannot be read.
    """
    maps = cell.maps
    strips = [_strip(cell, place) for place in range(len(maps.ref_ids))]
    kinds = [kind for kind in KINDS if kind in maps.stages]
    norms = {kind: _norm(kind, maps.stages[kind]) for kind in kinds}
    count = len(maps.stages["context"])
    side = min(SIDE, (RIGHT - LEFT + GAP) / count - GAP)
    foot = textwrap.wrap(_foot(cell), 135)
    blocks = [
        max(2 * (PICTURE * strip.tall + 1.3 * LINE), len(kinds) * (side * strip.tall + GAP))
        for strip in strips
    ]
    texts = sum(len(strip.lines) + 2.2 for strip in strips)
    sheet = Sheet(sum(blocks) + LINE * (texts + 3.2 + len(foot)))
    for stage in range(count):
        left = LEFT + stage * (side + GAP)
        sheet.text(left + side / 2, sheet.height - LINE, f"Stage {stage + 1}", ha="center")
    top = sheet.height - 1.4 * LINE
    for place, (strip, block) in enumerate(zip(strips, blocks, strict=True)):
        for line in strip.lines:
            top -= LINE
            sheet.sentence(top, strip.sentence, line, strip.spans)
        top -= LINE
        sheet.text(0, top, strip.why, color=GREY)
        top -= 0.5 * LINE
        height = PICTURE * strip.tall
        for down, (picture, said) in enumerate(strip.pictures):
            bottom = top - height - down * (height + 1.3 * LINE)
            sheet.axis(0, bottom, PICTURE, height).imshow(picture)
            sheet.text(PICTURE / 2, bottom - 0.9 * LINE, said, ha="center")
        for down, kind in enumerate(kinds):
            bottom = top - side * strip.tall - down * (side * strip.tall + GAP)
            shown = [values[place] for values in maps.stages[kind]]
            _row(sheet, bottom, side, kind, shown, norms[kind], strip)
        top -= block + 0.7 * LINE
    sheet.key(top - LINE)
    for said in foot:
        top -= LINE
        sheet.text(0, top - LINE, said, color=GREY)
    return sheet.figure


def _row(
    sheet: Sheet,
    bottom: float,
    side: float,
    kind: str,
    stages: Sequence[np.ndarray],
    norm: Normalize,
    strip: "_Strip",
) -> None:
    """The maps of one kind with its name before and its colour bar behind them."""
    height = side * strip.tall
    middle = bottom + height / 2
    sheet.text(LEFT - 0.11, middle, kind.capitalize(), rotation=90, ha="center", va="center")
    rows, columns = strip.truth.shape
    for stage, values in enumerate(stages):
        axis = sheet.axis(LEFT + stage * (side + GAP), bottom, side, height)
        axis.imshow(values, HEAT, norm, extent=(0, columns, rows, 0), interpolation="nearest")
        for color, width in (("black", 1.1), ("white", 0.5)):  # a line that is seen on any colour
            axis.contour(strip.truth, levels=[0.5], colors=color, linewidths=width)
    _bar(sheet, bottom, height, norm, SAID[kind])


@dataclass(frozen=True)
class _Strip:
    """One sentence of the figure.

    `tall` is the pictures' height by their width, at most 1: a taller one is shown smaller.
    """

    sentence: str
    spans: list[tuple[int, int, int]]  # of its object and position words
    lines: list[tuple[int, int]]
    why: str
    pictures: list[tuple[np.ndarray, str]]  # and what stands below
    truth: np.ndarray
    tall: float


def _strip(cell: CellMaps, place: int) -> _Strip:
    ref_id = int(cell.maps.ref_ids[place])
    scene = cell.scenes[ref_id]
    scored: dict[Any, Any] = cell.samples.loc[ref_id].to_dict()
    image = sized(scene.pixels())
    pixels = np.asarray(image)
    truth = fit(scene.truth(), image.size)
    predicted = rle.decode(scored["prediction"].encode(), (scored["height"], scored["width"]))
    laid = painted(pixels, fit(predicted, image.size), cell.color)
    sentence, spans = mark(scene.sentence, cell.maps.words[place])
    return _Strip(
        sentence=sentence,
        spans=spans,
        lines=break_up(sentence),
        why=f"IoU {100 * scored['iou']:.1f}: rank {cell.maps.ranks[place]:,} of {cell.maps.ranked:,}",
        pictures=[
            (outlined(pixels, truth), "Truth"),
            (outlined(laid, truth), textwrap.shorten(cell.row.label, 24, placeholder=" …")),
        ],
        truth=truth,
        tall=min(1.0, image.height / image.width),
    )


def _bar(sheet: Sheet, bottom: float, height: float, norm: Normalize, said: str) -> None:
    """The colour bar of a row of maps."""
    axis = sheet.axis(RIGHT + 0.1, bottom + 0.05, BAR, height - 0.1)
    axis.set_axis_on()
    sheet.figure.colorbar(ScalarMappable(norm, HEAT), cax=axis)
    axis.grid(False)
    axis.tick_params(labelsize=SMALL, length=2)
    axis.locator_params(axis="y", nbins=3)
    sheet.text(RIGHT + 0.58, bottom + height / 2, said, va="center")


def _norm(kind: str, stages: Sequence[np.ndarray]) -> Normalize:
    """One scale for all stages and sentences of a kind; a gate has no zero to begin at."""
    low = min(float(values.min()) for values in stages) if kind == "position" else 0.0
    high = max(float(values.max()) for values in stages)
    return Normalize(low, high if high - low > NOTHING else low + 1)


def mark(sentence: str, words: np.ndarray) -> tuple[str, list[tuple[int, int, int]]]:
    """A sentence as it is shown, and the spans that the model took for object (0) and position (1) words.

    Args:
        sentence: As published.
        words: What each of its characters is part of, as in `Maps`; what is part of both counts as object.
    """
    shown, start = "", 0
    kinds: list[int] = []
    for word in sentence.split():
        start = sentence.index(word, start)
        bits = [int(each) for each in words[start : start + len(word)]]
        start += len(word)
        if shown:
            kinds.append(bits[0] & kinds[-1])
        shown += (" " if shown else "") + plain(word)
        kinds += bits
    spans, end = [], 0
    for kind, run in itertools.groupby(kinds, lambda bits: bits & OBJECT or bits & POSITION):
        start, end = end, end + len(list(run))
        if kind:
            spans.append((start, end, 0 if kind == OBJECT else 1))
    return shown, spans


def _foot(cell: CellMaps) -> str:
    """How to read the figure, and what in it is no finding."""
    maps = cell.maps
    several = (
        "position words and an object of several word pieces" if maps.silent else "object and position words"
    )
    said = [
        f"{cell.row.label}, seed {cell.seed}. Line: truth. One scale for all maps of a kind.",
        f"Ranked are the test sentences with {several}.",
    ]
    if maps.silent:
        said.append(f"To an object of one piece ({maps.silent:,} more) there is no response at any stage.")
    if cell.fusion == "fiam" and len(maps.stages) > 1:
        said.append("In the last stage object and position words reach no output (published so): untrained.")
    return " ".join(said)
