"""Sums over images give the scores of any drawn images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.storage.image_sums import draws, image_intervals
from bench.storage.metrics import NAMES, score
from tests.bench.storage.test_metrics import PAIRS


@given(PAIRS, st.integers(1, 5))
def test_intervals_are_those_of_scores_of_drawn_images(pairs: list[tuple[int, int]], images: int) -> None:
    pixels = np.array(pairs)
    image = np.arange(len(pixels)) % images
    (drawn,) = draws(np.random.default_rng(0), int(image.max()) + 1, 40)
    assert (drawn.sum(axis=1) == image.max() + 1).all()
    scores = [score(*np.repeat(pixels, times[image].astype(int), axis=0).T) for times in drawn]
    found = image_intervals(*pixels.T, image, resamples=40)
    for name in NAMES:
        wanted = np.percentile([each[name] for each in scores], (2.5, 97.5))
        assert found[name] == pytest.approx(wanted.tolist(), abs=1e-9)


def test_images_may_be_called_anything() -> None:
    named = image_intervals([1, 2, 3], [2, 4, 4], ["b", "a", "b"])
    assert named == image_intervals([1, 2, 3], [2, 4, 4], [7, 1, 7])
    assert list(named) == list(NAMES)
