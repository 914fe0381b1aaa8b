"""What a model says of a scene, window by window, merged into strips from the top down."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
import torch.nn.functional as F

from bench.images.picture import Picture
from bench.images.scene import Scene, Window
from bench.inference.predictor import Prediction, Predictor
from bench.inference.windows import shares, starts

Progress = Callable[[int, int], None]
ROWS = 512  # of a strip at most: what is made of strips takes memory too


@dataclass(frozen=True)
class Merger:
    """Reads a scene in windows.

    Args:
        predictor: The model.
        scene: The image.
        texts: Sentences; each window is looked at once for all of them.
        side: Of the windows, in pixels of the scene.
        overlap: As `windows.starts`.
        batch_size: Pairs of window and sentence predicted at once.
        progress: Called with windows done and in all.
    """

    predictor: Predictor
    scene: Scene
    texts: Sequence[str]
    side: int
    overlap: float
    batch_size: int
    progress: Progress

    def strips(self) -> Iterator[Iterator[Prediction]]:
        """Predictions of each sentence for strips (h,W) of the scene, which follow each other without a gap.

        Each is made when it is asked for, and must be before the next strip.

        The log-odds of a pixel are averaged over the windows that show it, each counted as `windows.shares` says;
        a window without data is not looked at. Only the rows of one row of windows are in memory.
        """
        tops, lefts = (starts(n, self.side, self.overlap) for n in (self.scene.height, self.scene.width))
        down, across = shares(tops, self.side), dict(zip(lefts, shares(lefts, self.side), strict=True))
        width = lefts[-1] + self.side
        odds = np.zeros((len(self.texts), self.side, width), np.float32)
        valid = np.zeros((self.side, width), bool)
        for row, top in enumerate(tops):
            windows = self._read(top, lefts, row * len(lefts), valid, len(tops) * len(lefts))
            for text, left, found in self._answers(windows):
                odds[text, :, left : left + self.side] += found * np.outer(down[row], across[left])
            final = (tops[row + 1] if row + 1 < len(tops) else self.scene.height) - top
            for start in range(0, final, ROWS):
                part = (slice(start, min(start + ROWS, final)), slice(self.scene.width))
                yield (_strip(each[part], valid[part]) for each in odds)
            for each in odds:  # one by one: what overlaps is copied
                each[: self.side - final] = each[final:]
            odds[:, self.side - final :] = 0
            valid[: self.side - final] = valid[final:]

    def _read(
        self, top: int, lefts: Sequence[int], done: int, valid: np.ndarray, total: int
    ) -> Iterator[tuple[Window, Picture]]:
        """The windows of one row that hold data; notes in `valid` where."""
        for number, left in enumerate(lefts):
            self.progress(done + number, total)
            window = Window(top, left, self.side)
            picture = self.scene.read(window)
            valid[:, left : left + self.side] = picture.valid
            if picture.valid.any():
                yield window, picture
        self.progress(done + len(lefts), total)

    def _answers(self, windows: Iterator[tuple[Window, Picture]]) -> Iterator[tuple[int, int, np.ndarray]]:
        """Number of the sentence, left of the window, log-odds (side,side)."""
        asked = (
            (window, picture, number) for window, picture in windows for number in range(len(self.texts))
        )
        while batch := list(islice(asked, self.batch_size)):
            pairs = [(picture, self.texts[number]) for _, picture, number in batch]
            for (window, _, number), logits in zip(batch, self.predictor.logits(pairs), strict=True):
                yield number, window.left, _odds(logits, self.side)


def whole(strips: Iterable[Iterable[Prediction]], scene: Scene, count: int) -> list[Prediction]:
    """One prediction (H,W) for each of `count` sentences, of a scene that is held in memory."""
    shape = (scene.height, scene.width)
    found = [Prediction(np.empty(shape, bool), np.empty(shape, np.float32)) for _ in range(count)]
    top = 0
    for strip in strips:
        for each, part in zip(found, strip, strict=True):
            rows = slice(top, top + len(part.mask))
            each.mask[rows], each.probability[rows] = part.mask, part.probability
        top = rows.stop
    return found


def _odds(logits: torch.Tensor, side: int) -> np.ndarray:
    """logits (2,S,S) as log-odds (side,side) of the mask, resized as those of whole images are."""
    odds = (logits[1] - logits[0])[None, None]
    if odds.shape[-1] != side:
        odds = F.interpolate(odds, size=(side, side), mode="bilinear", align_corners=False)
    return odds[0, 0].numpy()


def _strip(odds: np.ndarray, valid: np.ndarray) -> Prediction:
    """Log-odds (h,W) as a prediction."""
    probability = torch.sigmoid(torch.from_numpy(odds)).numpy()
    probability[~valid] = np.nan
    return Prediction((odds > 0) & valid, probability)
