"""Photographs of RRSIS-D's size, as training reads them."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.augment import erase_boxes
from bench.data.dataset import ReferringDataset, loader
from bench.data.index import read_index
from bench.data.rrsisd_writer import ImageFile, NewReference, write_rrsisd
from fianet.tokens import Tokenizer
from tests.speed.conftest import Speed

SIDE, SIZE, COUNT = 800, 480, 16


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """A set of soft pictures, about as large as JPEGs as photographs are."""
    root = tmp_path_factory.mktemp("photographs")
    draw = np.random.default_rng(0)
    files = []
    for number in range(COUNT):
        coarse = Image.fromarray(draw.integers(0, 256, (100, 100, 3), dtype=np.uint8))
        buffer = io.BytesIO()
        coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(buffer, "jpeg", quality=90)
        files.append(ImageFile(f"{number:05}.jpg", SIDE, SIDE, buffer.getvalue()))
    mask = np.zeros((SIDE, SIDE), np.uint8, order="F")
    mask[200:400, 100:500] = 1
    encoded = coco.encode(mask)
    write_rrsisd(
        root / "set",
        files,
        [NewReference(file.name, "ship", "train", "A ship on the left", encoded) for file in files],
        ["ship"],
    )
    return DataConfig(name="rrsisd", layout=Layout.rrsisd, root=str(root / "set"), cache=str(root / "cache"))


@pytest.mark.parametrize("cached", [False, True], ids=["jpeg", "cache"])
def test_loader(speed: Speed, photographs: DataConfig, cached: bool) -> None:
    data = replace(photographs, cache_mb=64 if cached else 0)
    dataset = ReferringDataset(read_index(data).references, Tokenizer.load(None), SIZE, 22, data)
    order = list(range(COUNT))
    case = "from the cache" if cached else "from JPEG files"
    speed(lambda: [None for _ in loader(dataset, 8, order, 0)], "loader", case, items=COUNT, unit="images")


def test_boxes(speed: Speed) -> None:
    images, indices = torch.full((8, 3, SIZE, SIZE), 255, dtype=torch.uint8), torch.arange(8)
    speed(
        lambda: erase_boxes(images, indices, chosen=frozenset({0, 5}), seed=0, epoch=0),
        "loader",
        "black boxes in two of eight",
        items=8,
        unit="images",
    )
