"""The one writer of the RRSIS-D layout."""

import io
import json
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image
from pycocotools import mask as coco

from bench.config.schema import DataConfig
from bench.data.index import read_index
from bench.data.rrsisd_writer import (
    IMAGES,
    INSTANCES,
    REFERENCES,
    ImageFile,
    NewReference,
    encode,
    write_rrsisd,
)

MASK = np.zeros((20, 30), bool)
MASK[4:9, 10:24] = True


def image(name: str) -> ImageFile:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), (9, 9, 9)).save(file, "PNG")
    return ImageFile(name, 30, 20, file.getvalue())


def write(root: Path) -> None:
    references = [
        NewReference("a.png", "ship", "train", "A ship on the top", encode(MASK)),
        NewReference("b.png", "storage tank", "test", "The storage tank", encode(~MASK)),
    ]
    write_rrsisd(
        root, map(image, ("a.png", "b.png")), references, ["ship", "storage tank"], {"note.txt": "hello"}
    )


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_lists_have_the_published_keys_and_builtin_types_only(tmp_path: Path) -> None:
    write(tmp_path / "set")
    raw = (tmp_path / "set" / REFERENCES).read_bytes()
    assert not [op for op, _, _ in pickletools.genops(raw) if op.name in ("GLOBAL", "STACK_GLOBAL", "REDUCE")]
    first, second = pickle.loads(raw)
    assert first == {
        "ref_id": 0,
        "ann_id": 0,
        "image_id": 0,
        "category_id": 0,
        "split": "train",
        "file_name": "a.png",
        "sent_ids": [0],
        "sentences": [
            {
                "sent_id": 0,
                "sent": "A ship on the top",
                "raw": "A ship on the top",
                "tokens": ["a", "ship", "on", "the", "top"],
            }
        ],
    }
    assert (second["image_id"], second["category_id"], second["file_name"]) == (1, 1, "b.png")
    instances = json.loads((tmp_path / "set" / INSTANCES).read_text())
    annotation = instances["annotations"][0]
    assert annotation["bbox"] == [10.0, 4.0, 24.0, 9.0]
    assert annotation["area"] == 70
    assert len(annotation["segmentation"]) == 1
    assert annotation["segmentation"][0]["size"] == [20, 30]
    assert instances["categories"] == [{"id": 0, "name": "ship"}, {"id": 1, "name": "storage tank"}]
    assert (tmp_path / "set" / IMAGES / "a.png").read_bytes() == image("a.png").content
    assert (tmp_path / "set" / "note.txt").read_text() == "hello"


def test_the_reader_gets_back_what_was_written(tmp_path: Path) -> None:
    write(tmp_path / "set")
    index = read_index(DataConfig(root=str(tmp_path / "set")))
    first, second = index.references
    assert (first.sentence, first.category, first.split) == ("A ship on the top", "ship", "train")
    assert np.array_equal(first.mask.read(), MASK)
    assert np.array_equal(second.mask.read(), ~MASK)
    assert index.categories == ("ship", "storage tank")


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_failure_while_writing_leaves_nothing_new_and_the_old_set_whole(tmp_path: Path) -> None:
    write(tmp_path / "set")
    before = contents(tmp_path / "set")

    def failing() -> Iterator[ImageFile]:
        yield image("c.png")
        raise OSError("disk full")

    for root in (tmp_path / "set", tmp_path / "new"):
        with pytest.raises(OSError, match="disk full"):
            write_rrsisd(root, failing(), [], [])
    assert contents(tmp_path / "set") == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_set_that_is_there_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "set")
    write_rrsisd(tmp_path / "set", [image("z.png")], [], [])
    assert [path.name for path in (tmp_path / "set" / IMAGES).iterdir()] == ["z.png"]


@settings(deadline=None, max_examples=50)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_any_mask_survives_encoding(mask: np.ndarray) -> None:
    assert np.array_equal(coco.decode(encode(mask)).astype(bool), mask)
