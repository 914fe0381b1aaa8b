"""Two small sets, one in each published layout, that a test may spoil before it reads them."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from bench.config.choices import Layout
from bench.config.schema import DataConfig

HEIGHT, WIDTH = 30, 40
SENTENCES = (
    "A ship on the left",
    "The vehicle is on the lower left of the ship",
    "A small ship",
    "A ship in the middle",
    "The vehicle on the top",
    "The large vehicle",
)
SPLIT_OF = ("train", "train", "train", "val", "val", "test")
BOX = (5, 10, 20, 22)  # x0 y0 x1 y1 of every mask


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def box_mask() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    return mask


def encoded(mask: np.ndarray) -> dict[str, Any]:
    rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": rle["counts"].decode()}


class RrsisdSet:
    """A sound set of six references on six images; `write` puts `refs` and `instances` on disk."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.images = root / "images/rrsisd/JPEGImages"
        self.refs_file = root / "rrsisd/refs(unc).p"
        self.data = DataConfig(root=str(root), cache=str(cache))
        self.refs: list[dict[str, Any]] = []
        self.instances: dict[str, Any] = {
            "images": [],
            "annotations": [],
            "categories": [{"id": 0, "name": "ship"}, {"id": 1, "name": "vehicle"}],
        }
        self.images.mkdir(parents=True)
        self.refs_file.parent.mkdir()
        for number, (sentence, split) in enumerate(zip(SENTENCES, SPLIT_OF, strict=True)):
            self._add(number, sentence, split)
        self.write()

    def _add(self, number: int, sentence: str, split: str) -> None:
        name = f"{number:05d}.jpg"
        Image.fromarray(picture(number)).save(self.images / name, quality=95)
        ids = {
            "ref_id": 10 + number,
            "ann_id": 20 + number,
            "image_id": 30 + number,
            "category_id": number % 2,
        }
        words = {"sent_id": 40 + number, "sent": sentence, "raw": sentence, "tokens": sentence.split()}
        self.refs.append(
            {**ids, "split": split, "file_name": name, "sent_ids": [40 + number], "sentences": [words]}
        )
        self.instances["images"].append(
            {"id": 30 + number, "file_name": name, "width": WIDTH, "height": HEIGHT}
        )
        shape = {"segmentation": [encoded(box_mask())], "bbox": [float(v) for v in BOX]}
        self.instances["annotations"].append(
            {"id": 20 + number, "image_id": 30 + number, "area": int(box_mask().sum()), **shape}
        )

    def write(self) -> None:
        self.refs_file.write_bytes(pickle.dumps(self.refs))
        (self.root / "rrsisd/instances.json").write_text(json.dumps(self.instances))

    def say(self, number: int, sentence: str) -> None:
        self.refs[number]["sentences"][0]["sent"] = sentence


class RefsegrsSet:
    """A sound set of three references, one a split; files are written at once."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root = root
        self.data = DataConfig(
            name="refsegrs", layout=Layout.refsegrs, root=str(root), cache=str(cache), max_tokens=20
        )
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()
        for number, split in enumerate(("train", "val", "test")):
            Image.fromarray(picture(number)).save(root / f"images/{number}.tif")
            grey = np.where(box_mask(), 255, 50).astype(np.uint8)
            Image.fromarray(grey).save(root / f"masks/{number}.tif")
            (root / f"output_phrase_{split}.txt").write_text(f"{number} car on the road\n")


@pytest.fixture
def rrsisd(tmp_path: Path) -> RrsisdSet:
    return RrsisdSet(tmp_path / "rrsisd-set", tmp_path / "cache")


@pytest.fixture
def refsegrs(tmp_path: Path) -> RefsegrsSet:
    return RefsegrsSet(tmp_path / "refsegrs-set", tmp_path / "cache")


def square(x: int, y: int, side: int = 12) -> list[list[int]]:
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def make_coco(folder: Path, images: int = 12) -> dict[str, Any]:
    """Pictures of 120 x 120 with two ships and a tank each; the last picture repeats the first's bytes."""
    (folder / "photos").mkdir(parents=True)
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    content["categories"] = [{"id": 7, "name": "ship"}, {"id": 9, "name": "storage_tank"}]
    for number in range(images):
        rng = np.random.default_rng(number % (images - 1))
        name = f"{number:03d}.jpg"
        Image.fromarray(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(folder / "photos" / name)
        content["images"].append({"id": number, "file_name": name, "width": 120, "height": 120})
        for category, place in ((7, square(6, 55)), (7, square(100, 55, 18)), (9, square(54, 10))):
            content["annotations"].append(
                {
                    "id": len(content["annotations"]),
                    "image_id": number,
                    "category_id": category,
                    "segmentation": place,
                    "iscrowd": 0,
                }
            )
    return content


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    return make_coco(tmp_path)
