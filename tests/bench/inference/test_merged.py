"""Windows merged: what is found in them is what is found in the whole picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.images.picture import Picture
from bench.images.read import read_picture
from bench.images.scene import HeldScene
from bench.inference.merged import Merger, whole
from bench.inference.predictor import Prediction, Predictor
from tests.bench.inference.conftest import SIZE
from tests.bench.rasters import BOXES, held, red, scene


def merged(predictor: Predictor, picture: Picture, side: int, overlap: float = 0.25) -> Prediction:
    scene = HeldScene(picture)
    merger = Merger(predictor, scene, ["ship"], side, overlap, 5, lambda done, total: None)
    return whole(merger.strips(), scene, 1)[0]


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("shape", [(32, 32), (33, 100), (130, 90), (20, 70), (128, 128)])
def test_windows_of_the_models_size_give_what_each_pixel_says(
    shape: tuple[int, int], overlap: float, predictor: Predictor
) -> None:
    pixels = scene(*shape, *((x0 % shape[1], y0 % shape[0], x1, y1) for x0, y0, x1, y1 in BOXES))
    found = merged(predictor, held(pixels), SIZE, overlap)
    odds = predictor.model(_normal(pixels))[0]
    assert np.array_equal(found.mask, red(pixels))
    assert np.array_equal(found.mask, (odds[1] > odds[0]).numpy())
    assert np.allclose(found.probability, torch.softmax(odds, 0)[1].numpy(), atol=1e-5)


def _normal(pixels: np.ndarray) -> Tensor:
    from bench.models.inputs import normalize

    return normalize(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()))


def test_one_window_over_everything_is_the_prediction_without_windows(predictor: Predictor) -> None:
    picture = held(scene(100, 100, *BOXES))
    once = predictor([(picture, "ship")])[0]
    found = merged(predictor, picture, 100)
    assert np.array_equal(found.mask, once.mask)
    assert np.allclose(found.probability, once.probability, atol=1e-6)


def test_resized_windows_find_the_same_up_to_the_borders_of_pixels(predictor: Predictor) -> None:
    pixels = scene(128, 128, *BOXES)
    for side in (16, 64):
        found = merged(predictor, held(pixels), side)
        assert (found.mask ^ red(pixels)).mean() < 0.02


def test_window_without_data_is_not_looked_at_and_nothing_is_found_there(predictor: Predictor) -> None:
    picture = held(scene(32, 96, (0, 0, 96, 32)))
    picture.valid[:, :40] = False
    found = merged(predictor, picture, SIZE, 0)
    assert predictor.model.seen == 2
    assert np.array_equal(found.mask, picture.valid)
    assert np.isnan(found.probability[:, :40]).all()
    assert not np.isnan(found.probability[:, 40:]).any()


def test_real_photographs_are_merged_without_a_seam(shared: Path, predictor: Predictor) -> None:
    """A model that judges every pixel by itself finds in windows what it finds in the whole photograph."""
    paths = sorted((shared / "data/vhr10/images").glob("*.jpg"))[:3]
    assert len(paths) == 3
    for path in paths:
        picture = read_picture(path)
        picture = Picture(path, picture.pixels[:400, :500], picture.valid[:400, :500])
        odds = predictor.model(_normal(picture.pixels))[0]
        assert np.array_equal(merged(predictor, picture, SIZE).mask, (odds[1] > odds[0]).numpy())
