"""Ids and file names as lists write them, and what happens where they repeat."""

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench import refer
from bench.config.schema import DataConfig
from bench.data.entries import by_id, id_of
from bench.data.file_names import FileNames
from bench.data.index import read_index
from bench.terminal.errors import UserError

FILE = Path("instances.json")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, 1), ("1", 1), (1.0, 1), ("01", "01"), ("a", "a"), (None, None), (True, None), ([1], None)],
)
def test_ids_are_compared_by_value(value: Any, expected: Any) -> None:
    assert id_of(value) == expected


@pytest.mark.parametrize("again", [7, "7", 7.0])
def test_an_id_that_repeats_names_both_entries(again: Any) -> None:
    entries = [{"id": 7, "file_name": "a.jpg"}, {"id": 8}, {"id": again, "file_name": "b.jpg"}]
    with pytest.raises(UserError, match=r"id 7 is entry 0 .*a.jpg.* and entry 2 .*b.jpg"):
        by_id(entries, "images", FILE)


def test_an_entry_without_id_is_named() -> None:
    with pytest.raises(UserError, match="entry 1 has no id"):
        by_id([{"id": 7}, {"name": "ship"}], "categories", FILE)


@pytest.mark.parametrize("kind", ["images", "annotations", "categories"])
def test_in_the_rrsisd_layout_the_last_one_does_not_win(rrsisd, kind: str) -> None:
    rrsisd.instances[kind].append(dict(rrsisd.instances[kind][0]))
    rrsisd.write()
    with pytest.raises(UserError, match=f"instances.json: {kind} share ids"):
        read_index(rrsisd.data)


def test_ids_written_as_text_are_found(rrsisd) -> None:
    for entry in rrsisd.instances["annotations"] + rrsisd.instances["images"]:
        entry["id"] = str(entry["id"])
    rrsisd.write()
    assert all(reference.mask.read().any() for reference in read_index(rrsisd.data).references)


def test_file_names_match_however_they_are_spelled(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    decomposed = unicodedata.normalize("NFD", "vue_aérienne.png")
    for name in (decomposed, "a/b.png", unicodedata.normalize("NFD", "è.png"), "è.png"):
        (tmp_path / name).touch()
    names = FileNames(tmp_path)
    assert names.path(unicodedata.normalize("NFC", "vue_aérienne.png")).name == decomposed
    assert names.path("a\\b.png") == tmp_path / "a/b.png"
    assert names.path("gone.png") == tmp_path / "gone.png"
    for spelling in ("NFC", "NFD"):  # two files: the exact one
        name = unicodedata.normalize(spelling, "è.png")
        assert names.path(name).name == name


def coco_file(folder: Path) -> dict[str, Any]:
    """Two pictures of two ships and a tank each."""
    (folder / "photos").mkdir(exist_ok=True)
    content: dict[str, Any] = {
        "images": [],
        "annotations": [],
        "categories": [{"id": 7, "name": "ship"}, {"id": 9, "name": "tank"}],
    }
    for number in range(2):
        pixels = np.random.default_rng(number).integers(0, 255, (120, 120, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"photos/é{number}.png")
        content["images"].append({"id": number, "file_name": f"é{number}.png", "width": 120, "height": 120})
        for category, x, y in ((7, 6, 55), (7, 100, 55), (9, 54, 10)):
            outline = [[x, y, x + 12, y, x + 12, y + 12, x, y + 12]]
            entry = {"id": len(content["annotations"]), "image_id": number, "category_id": category}
            content["annotations"].append({**entry, "segmentation": outline, "bbox": [x, y, 12, 12]})
    return content


def run(folder: Path, content: Any, monkeypatch: pytest.MonkeyPatch) -> int:
    (folder / "c.json").write_text(json.dumps(content))
    words = [f"coco={folder / 'c.json'}", f"images={folder / 'photos'}", f"out={folder / 'set'}"]
    monkeypatch.setattr(sys, "argv", ["bench.refer", *words])
    return refer.main()


@pytest.mark.parametrize("kind", ["images", "annotations", "categories"])
def test_refer_refuses_ids_that_repeat(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = coco_file(tmp_path)
    content[kind].append({**content[kind][0], "file_name": "é1.png"})
    assert run(tmp_path, content, monkeypatch) == 2
    error = capsys.readouterr().err
    assert f"{kind} share ids" in error
    assert len(error.splitlines()) == 2


def test_refer_takes_ids_as_text_and_names_in_another_composition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = coco_file(tmp_path)
    for entry in content["annotations"]:
        entry["image_id"] = str(entry["image_id"])
    for entry in content["images"]:
        entry["file_name"] = unicodedata.normalize("NFD", entry["file_name"])
    assert run(tmp_path, content, monkeypatch) == 0


@pytest.mark.parametrize("segmentation", [[], None, [[0, 0, 2e8, 3.5e8, 20, 22]], "x"])
def test_refer_leaves_out_what_has_no_mask_and_says_nothing_of_its_class_there(
    segmentation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = coco_file(tmp_path)
    content["annotations"][0]["segmentation"] = segmentation
    assert run(tmp_path, content, monkeypatch) == 0
    error = capsys.readouterr().err
    assert "annotation 0 (ship in é0.png)" in error
    assert "1 annotations have no mask" in error
    refs = read_index_of(tmp_path / "set")
    assert ("é0", "ship") not in refs
    assert ("é1", "ship") in refs


def read_index_of(root: Path) -> set[tuple[str, str]]:
    return {(r.image_id, r.category) for r in read_index(DataConfig(root=str(root))).references}
