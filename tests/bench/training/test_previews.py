"""Pictures of three fixed expressions an epoch: the same ones in every cell, small, and no part of any number."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as rle

from bench.config.request import Request
from bench.storage.previews import read_previews
from bench.study.prepare import prepare
from bench.training import previews
from bench.training.cell import run_cell
from bench.training.previews import EPOCHS, SIDE, draw, fixed_expressions, shown_epochs


def scored(areas: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"mask_area": areas})


def test_one_of_each_third_with_the_target_of_median_size() -> None:
    assert fixed_expressions(scored([9, 1, 5, 2, 8, 4, 7, 3, 6])) == [2, 5, 8]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_expressions_give_as_many_as_there_are(count: int) -> None:
    found = fixed_expressions(scored([1] * count))
    assert len(set(found)) == min(3, count)


def test_every_epoch_leaves_three_small_pictures_of_the_same_sentences(
    drawn: list[str], tmp_path: Path
) -> None:
    words = [*drawn, "recipe.epochs=2", f"store={tmp_path / 'runs'}", "tracking.enabled=false"]
    plan = prepare(Request.parse(words))
    plan.write("test")
    (cell,) = plan.stored()
    assert run_cell(cell)
    found = read_previews(cell)
    assert [(each.epoch, each.place) for each in found] == [
        (epoch, place) for epoch in (0, 1) for place in range(3)
    ]
    assert {each.sentence for each in found[:3]} == {each.sentence for each in found[3:]}
    for each in found:
        assert Image.open(each.path).size == (SIDE, SIDE)
        assert each.path.stat().st_size < 30_000


def test_pictures_that_cannot_be_made_cost_no_training(
    drawn: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*anything: object) -> bytes:
        raise OSError("no space left on device")

    monkeypatch.setattr(previews, "draw", full)
    plan = prepare(Request.parse([*drawn, f"store={tmp_path / 'runs'}", "tracking.enabled=false"]))
    plan.write("test")
    (cell,) = plan.stored()
    assert run_cell(cell)
    assert cell.done
    assert read_previews(cell) == []


def test_of_many_epochs_first_and_last_are_among_those_shown() -> None:
    assert shown_epochs(3) == {0, 1, 2}
    assert len(shown_epochs(50)) == EPOCHS
    assert {0, 49} <= shown_epochs(50)


class OneImage:
    """A data set of one grey image whose target is its left half."""

    def __getitem__(self, index: int) -> dict[str, object]:
        import torch

        target = torch.zeros(96, 96, dtype=torch.uint8)
        target[:, :48] = 1
        return {"image": torch.full((3, 96, 96), 100, dtype=torch.uint8), "target": target}


def test_prediction_is_tinted_and_truth_outlined() -> None:
    found = np.zeros((48, 48), np.uint8, order="F")  # as scored at the image's own size
    found[:24] = 1
    line = {"height": 48, "width": 48, "prediction": rle.encode(found)["counts"].decode()}
    content = draw(OneImage(), pd.DataFrame([line]), 0)  # type: ignore[arg-type]
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    upper, lower, edge = pixels[20, 20], pixels[200, 20], pixels[200, SIDE // 2]
    assert upper[0] > upper[2] + 50, "what was predicted is tinted"
    assert abs(lower - 100).max() < 25, "what was not stays as it is"
    assert edge.min() > 150, "the truth ends in a bright line"
