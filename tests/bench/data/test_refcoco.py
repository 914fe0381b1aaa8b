"""The `refer` API's folders: RefCOCO's splits, boxes and images, read by the reader that RRSIS-D has too."""

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.audit import audit
from bench.data.fingerprint import fingerprint
from bench.data.index import read_index
from bench.terminal.errors import UserError
from tests.bench.data.conftest import BOX, box_mask

SPLIT_OF = ("train", "train", "val", "testA", "testB", "testB")


@pytest.fixture
def refcoco(rrsisd, tmp_path: Path) -> DataConfig:
    """The six references as RefCOCO lays them out: names of another kind in the list, boxes by width and height."""
    root = tmp_path / "refcoco+"
    shutil.copytree(rrsisd.images, root / "images")
    for ref, split in zip(rrsisd.refs, SPLIT_OF, strict=True):
        ref |= {"split": split, "file_name": ref["file_name"].replace(".jpg", "_3.jpg")}
    rrsisd.refs[0]["sentences"].append({"sent": "the left one"})
    for annotation in rrsisd.instances["annotations"]:
        annotation["bbox"] = [BOX[0], BOX[1], BOX[2] - BOX[0], BOX[3] - BOX[1]]
    polygon = [[5, 10, 20, 10, 20, 22, 5, 22]]
    rrsisd.instances["annotations"][1]["segmentation"] = polygon
    (root / "refs(unc).p").write_bytes(pickle.dumps(rrsisd.refs, protocol=0))
    (root / "instances.json").write_text(json.dumps(rrsisd.instances))
    return DataConfig(name="refcoco", layout=Layout.refcoco, root=str(root), cache=str(tmp_path / "cache"))


def counts(data: DataConfig) -> list[int]:
    return [len(read_index(data).split(split)) for split in ("train", "val", "test")]


def test_the_refer_api_is_read_as_published(refcoco: DataConfig) -> None:
    assert counts(refcoco) == [3, 1, 3]  # one has two sentences; both test splits
    references = read_index(refcoco).references
    assert (references[0].image.name, references[0].box) == ("00000.jpg", BOX)
    assert all(np.array_equal(reference.mask.read(), box_mask()) for reference in references)
    report = audit(refcoco, max_tokens=20, tokenizer_length=len)
    assert not report.errors
    assert "outside_box" not in {finding.kind for finding in report.warnings}


@pytest.mark.parametrize(("chosen", "expected"), [("testA", [3, 1, 1]), ("testB", [3, 1, 2])])
def test_one_test_split_can_be_chosen(refcoco: DataConfig, chosen: str, expected: list[int]) -> None:
    assert counts(replace(refcoco, test_split=chosen)) == expected


def test_choices_are_remembered_apart(refcoco: DataConfig) -> None:
    choices = [replace(refcoco, test_split=chosen) for chosen in (None, "testA", "testB")]
    found = [[fingerprint(each) for each in choices] for _ in range(2)]
    assert found[0] == found[1]
    assert len(set(found[0])) == 3


def test_images_may_lie_elsewhere(refcoco: DataConfig, tmp_path: Path) -> None:
    (Path(refcoco.root) / "images").rename(tmp_path / "train2014")
    index = read_index(replace(refcoco, images=str(tmp_path / "train2014")))
    assert all(reference.image.is_file() for reference in index.references)


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        ({"split_by": "umd"}, "data.split_by=umd", "data.split_by=unc"),
        ({"test_split": "testC"}, "data.test_split=testC", "testA, testB"),
        ({"test_split": "test"}, "data.test_split=test", "Leave it out"),
        ({"root": "nowhere"}, "data.root=nowhere", "data.root=DIR"),
    ],
)
def test_what_is_not_there_is_said(refcoco: DataConfig, changes: dict, what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        read_index(replace(refcoco, **changes))
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_folder_without_lists_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_index(DataConfig(layout=Layout.refcoco, root=str(tmp_path)))
    assert "refs(unc).p" in caught.value.what
    assert "instances.json in DIR" in caught.value.remedy
