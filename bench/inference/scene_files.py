"""The files of predictions in a scene that stays on its disk: written from strips, never held as a whole."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

from bench.images.scene import Scene
from bench.inference.asked import Outlines
from bench.inference.geo import NO_PERCENT, rows_raster, write_cog, write_rows
from bench.inference.outputs import record, write_outlines, write_png
from bench.inference.overlay import overlay
from bench.inference.parts import PartFinder, Parts
from bench.inference.position import Sentence
from bench.inference.predictor import Prediction
from bench.inference.working import working_folder

LABELS = "int32"


def write_scene(
    stems: Sequence[Path],
    scene: Scene,
    sentences: Sequence[Sentence],
    strips: Iterable[Iterable[Prediction]],
    asked: Outlines,
) -> list[dict[str, Any]]:
    """Writes every file of every sentence.

    Args:
        stems: Folder and beginning of the names, of each sentence.
        scene: The image.
        sentences: The sentences.
        strips: A prediction a sentence, from the top down.
        asked: How outlines are written.

    Returns:
        What `predictions.json` says of each, as `outputs.write_prediction`.

    Raises:
        NotWritten: A file cannot be written.
    """
    with ExitStack() as stack:
        layers = [stack.enter_context(_layer(stem, scene)) for stem in stems]
        for strip in strips:
            for layer, found in zip(layers, strip, strict=True):
                layer.add(found)
        return [layer.finish(sentence, asked) for layer, sentence in zip(layers, sentences, strict=True)]


@dataclass
class _Layer:
    """One sentence: its strips in working files, then what is made of them.

    Args:
        stem: Folder and beginning of the names.
        scene: The image.
        folder: For the working files.
    """

    stem: Path
    scene: Scene
    folder: Path

    def __post_init__(self) -> None:
        self.finder = PartFinder()
        self.heights: list[int] = []
        self.working = ExitStack()
        self.mask = self.working.enter_context(self._rows("mask", "uint8"))
        self.percent = self.working.enter_context(self._rows("percent", "uint8", NO_PERCENT))

    def add(self, found: Prediction) -> None:
        """Takes the next strip."""
        top = sum(self.heights)
        self.heights.append(len(found.mask))
        self.finder.add(found.mask, found.probability)
        write_rows(self.mask, top, found.mask.astype(np.uint8))
        percent = np.nan_to_num(100 * found.probability, nan=NO_PERCENT).round().astype(np.uint8)
        write_rows(self.percent, top, percent)

    def finish(self, sentence: Sentence, asked: Outlines) -> dict[str, Any]:
        """Writes the files and says what they are."""
        self.working.close()
        parts, notes = sentence.decide(self.finder.parts(), self.scene)
        shown = self._number(parts)
        written = {
            "geotiff": Path(f"{self.stem}.mask.tif"),
            "probability": Path(f"{self.stem}.probability.tif"),
            "overlay": Path(f"{self.stem}.overlay.png"),
        }
        write_cog(written["geotiff"], self._file("kept"))
        write_cog(written["probability"], self._file("percent"))
        small = self.scene.thumbnail
        write_png(written["overlay"], overlay(small.pixels, small.valid, shown, sentence.text))
        if self.scene.place is not None:
            with rasterio.open(self._file("labels")) as labels, rasterio.open(self._file("kept")) as kept:
                bands = (rasterio.band(labels, 1), rasterio.band(kept, 1))
                more, lost = write_outlines(self.stem, *bands, parts, self.scene.place, sentence.text, asked)
            written |= more
            notes = [*notes, *lost]
        mean = parts.mean_probability()
        pixels, probability = int(parts.pixels.sum()), None if mean is None else round(mean, 4)
        return record(
            self.scene.path, sentence.text, pixels, probability, written, [*self.scene.notes, *notes]
        )

    def _number(self, parts: Parts) -> np.ndarray:
        """Writes the number of each pixel's part, and which have one; the latter small, as the thumbnail is."""
        shown = np.zeros(self.scene.thumbnail.valid.shape, bool)
        with self._rows("labels", LABELS) as labels, self._rows("kept", "uint8") as kept:
            top = 0
            for each in parts.labels(self._masks()):
                write_rows(labels, top, each)
                write_rows(kept, top, (each > 0).astype(np.uint8))
                _mark(shown, each > 0, top, self.scene.height)
                top += len(each)
        return shown

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.tif"

    def _rows(self, name: str, kind: str, nodata: int | None = None) -> Any:
        # outlines are followed in pixels: the labels lie nowhere
        place = None if kind == LABELS else self.scene.place
        return rows_raster(self._file(name), kind, self.scene.height, self.scene.width, place, nodata)

    def _masks(self) -> Iterator[np.ndarray]:
        """The strips of the mask, as they came."""
        with rasterio.open(self._file("mask")) as mask:
            top = 0
            for height in self.heights:
                yield mask.read(1, window=Window(0, top, self.scene.width, height)) > 0
                top += height


@contextmanager
def _layer(stem: Path, scene: Scene) -> Iterator[_Layer]:
    """A layer whose working files are gone at the end, whatever happens."""
    with working_folder(stem) as folder:
        layer = _Layer(stem, scene, folder)
        with layer.working:
            yield layer


def _mark(shown: np.ndarray, mask: np.ndarray, top: int, height: int) -> None:
    """Marks in a small mask (h,w) every pixel in which a strip (S,W) of the large one, `height` high, has one."""
    rows, columns = shown.shape
    starts = -(-np.arange(columns) * mask.shape[1] // columns)
    narrow = np.logical_or.reduceat(mask, starts, axis=1)
    places, first = np.unique((top + np.arange(len(mask))) * rows // height, return_index=True)
    shown[places] |= np.logical_or.reduceat(narrow, first, axis=0)
