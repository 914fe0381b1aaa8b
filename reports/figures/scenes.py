"""What figures show of the data set that cells were scored on: pictures and true masks, from a reader that is given."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd

from bench.storage.cell import Record
from bench.storage.store import Store
from bench.terminal.errors import DataError


class Scene(Protocol):
    """One test expression with its image and true mask, both read when they are asked for."""

    @property
    def image_id(self) -> str:
        """The image, as the cells' samples name it."""

    @property
    def sentence(self) -> str:
        """The expression, as published."""

    def pixels(self) -> np.ndarray:
        """The image (H,W,3) uint8 RGB. Raises DataError when it cannot be read."""

    def truth(self) -> np.ndarray:
        """The true mask (H,W) bool. Raises DataError when it cannot be read."""


# From a cell's stored configuration to the test expressions of its data set, by reference id. Raises DataError when
# the set is not on this machine, or is damaged; the reason can follow "synthetic: ".
ReadScenes = Callable[[Record], Mapping[int, Scene]]


class NoScenes(Exception):
    """Why no images of a data set can be shown, for people."""


def read_scenes(store: Store, cell: str, dataset: str, read: ReadScenes) -> Mapping[int, Scene]:
    """The test expressions of the data set a cell was scored on, by reference id.

    Raises:
        NoScenes: The data set is not on this machine, or cannot be read.
    """
    try:
        return read(store.cell(cell).config())
    except DataError as reason:
        raise NoScenes(f"{dataset}: {reason}") from None


def predictions(store: Store, cell: str) -> pd.DataFrame | None:
    """A cell's test samples with predicted masks, by reference id; None where it stored none."""
    samples = store.cell(cell).samples()
    if samples is None or "prediction" not in samples:
        return None
    return samples[samples["split"] == "test"].set_index("ref_id")
