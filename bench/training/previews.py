"""Pictures of what a model predicts for three fixed expressions, one set an epoch, from what evaluation found anyway.

No forward pass and no random number is spent on them: training gives the same bytes without.
"""

import io

import numpy as np
import pandas as pd
from PIL import Image, ImageFilter

from bench.data.dataset import ReferringDataset
from bench.images.resize import resize_mask
from bench.storage.cell import Cell
from bench.storage.previews import write_previews
from bench.storage.rle import decode

EXPRESSIONS = 3
EPOCHS = 20
"""Of one training that have pictures."""
SIDE = 224
"""Pixels of a picture's side: some six kilobytes as WebP."""
FOUND = np.array([230, 60, 30])
"""Colour of what was predicted."""
TRUTH, AROUND = (255, 255, 255), (0, 0, 0)
"""Line around what is meant: one of the two is seen on any ground."""


def keep_previews(
    cell: Cell, epoch: int, epochs: int, dataset: ReferringDataset, samples: pd.DataFrame
) -> None:
    """Writes the pictures of an epoch into the cell's folder, of `EPOCHS` at most of a training.

    Args:
        cell: The cell.
        epoch: From 0.
        epochs: That are trained in all.
        dataset: What was scored.
        samples: What `evaluate` made of it.
    """
    if epoch not in shown_epochs(epochs):
        return
    places = fixed_expressions(samples)
    sentences = [dataset.references[place].sentence for place in places]
    write_previews(cell, epoch, sentences, [draw(dataset, samples, place) for place in places])


def shown_epochs(epochs: int) -> set[int]:
    """The first, the last, and others evenly between: file systems count files, and readers look at few."""
    if epochs <= EPOCHS:
        return set(range(epochs))
    return {round(place * (epochs - 1) / (EPOCHS - 1)) for place in range(EPOCHS)}


def fixed_expressions(samples: pd.DataFrame) -> list[int]:
    """Positions of the three that every cell on this data set shows: of each third, the target of median size."""
    areas = samples["mask_area"].to_numpy()
    thirds = np.array_split(np.arange(len(areas)), min(EXPRESSIONS, len(areas)))
    return [int(third[np.argsort(areas[third], kind="stable")[len(third) // 2]]) for third in thirds]


def draw(dataset: ReferringDataset, samples: pd.DataFrame, place: int) -> bytes:
    """One expression as WebP, (SIDE,SIDE): the image, what is meant in a thin line, what was predicted tinted."""
    sample, line = dataset[place], samples.iloc[place]
    found = decode(line["prediction"].encode(), (int(line["height"]), int(line["width"])))
    picture = Image.fromarray(sample["image"].numpy().transpose(1, 2, 0))
    pixels = np.array(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    tinted = resize_mask(found, SIDE).astype(bool)
    pixels[tinted] = (pixels[tinted] + FOUND) // 2
    inside = Image.fromarray(resize_mask(sample["target"].numpy().astype(bool), SIDE))
    near, far = (np.asarray(inside.filter(ImageFilter.MaxFilter(size))) > 0 for size in (3, 5))
    pixels[far & ~near] = AROUND
    pixels[near & (np.asarray(inside) == 0)] = TRUTH
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()
