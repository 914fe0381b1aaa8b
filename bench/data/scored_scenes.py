"""The pictures and true masks of the data set that a stored cell was scored on, for those who show them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.config.choices import Stretch
from bench.config.compose import restore
from bench.data.index import read_index
from bench.data.reference import Reference
from bench.data.source import source
from bench.images.read import open_image
from bench.terminal.errors import DataError, UserError


@dataclass(frozen=True, slots=True)
class ScoredScene:
    """A test expression with its image and true mask, both read when they are asked for."""

    reference: Reference
    stretch: Stretch = Stretch.percentile
    bands: tuple[int, ...] = ()

    @property
    def image_id(self) -> str:
        """The image's name without its ending."""
        return self.reference.image_id

    @property
    def sentence(self) -> str:
        """As published."""
        return self.reference.sentence

    def pixels(self) -> np.ndarray:
        """The image (H,W,3) uint8 RGB. Raises DataError when it cannot be read."""
        return np.asarray(open_image(self.reference.image, "RGB", self.stretch, self.bands))

    def truth(self) -> np.ndarray:
        """The true mask (H,W) bool. Raises DataError when it cannot be read."""
        return self.reference.mask.read()


def read_scenes(config: dict[str, Any]) -> dict[int, ScoredScene]:
    """The test expressions of a cell's data set as it lies on this machine, by reference id.

    Args:
        config: The cell's stored configuration.

    Raises:
        DataError: The data set is not on this machine, or cannot be read.
        UserError: Another version of the project wrote the configuration.
    """
    data = restore(config).data
    if not Path(data.file or data.root).exists():
        raise DataError(f"its images are not on this machine ({source(data)})")
    stored = replace(data, synthetic=None)  # read what is there; drawing it anew could replace a set in use
    try:
        return {
            each.ref_id: ScoredScene(each, data.stretch, tuple(data.bands))
            for each in read_index(stored).split("test")
        }
    except UserError as error:
        raise DataError(error.what.rstrip(".")) from None
