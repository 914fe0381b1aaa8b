"""A cell's previews as MLflow names images of an epoch, so that its own image grid shows them. Imports no MLflow."""

import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.storage.cell import Cell
from bench.storage.previews import read_previews
from bench.tracking.content import times

FOLDER = "images"  # of a run's artifacts
REFUSED = re.compile(r"[^\w\-. ]", re.ASCII)  # in the name of an image
LONGEST = 80  # characters of a sentence in a file's name
LOGGED = {"mlflow.loggedImages": "True"}  # tag of a run that has some


@dataclass(frozen=True)
class Image:
    """One picture.

    Attributes:
        path: In the cell's folder.
        names: Of the files that MLflow looks for, in `FOLDER`: the picture, and the one of the grid.
        epoch: From 0.
    """

    path: Path
    names: tuple[str, str]
    epoch: int


def images(cell: Cell) -> Iterator[Image]:
    """The pictures of a cell that a run shows."""
    previews, ended = read_previews(cell), times(cell).epochs
    for preview in previews:
        if preview.epoch < len(ended):
            key = f"{preview.place + 1} {REFUSED.sub('', preview.sentence)[:LONGEST]}".strip()
            own = uuid.uuid5(uuid.NAMESPACE_OID, f"{cell.id}/{preview.path.name}")
            stem = f"{key}+step+{preview.epoch}+timestamp+{ended[preview.epoch]}+{own}"
            yield Image(preview.path, (f"{stem}.webp", f"{stem}+compressed.webp"), preview.epoch)


def link_images(some: Iterable[Image], folder: Path) -> None:
    """Puts pictures into a folder under MLflow's names: as links, for they never change, or else as copies."""
    for image in some:
        for name in image.names:
            try:
                os.link(image.path, folder / name)
            except OSError:  # another disk, or one that knows no links
                shutil.copyfile(image.path, folder / name)
