"""`python -m bench.refer`, from a COCO file to a set that can be trained on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from bench import refer
from bench.config.request import Request
from bench.config.schema import DataConfig
from bench.data.classes import human
from bench.data.index import Index, read_index
from bench.data.own_name import with_own_name
from bench.data.refer import assign_splits
from bench.sentences.colours import colour_name
from bench.study.prepare import prepare
from tests.bench.data.conftest import make_coco, square


def run(tmp_path: Path, content: Any, monkeypatch: pytest.MonkeyPatch, *more: str, out: str = "set") -> int:
    file = tmp_path / "instances.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    given = {"coco": str(file), "images": str(tmp_path / "photos"), "out": str(tmp_path / out)}
    given |= {key: value for key, _, value in (word.partition("=") for word in more)}
    monkeypatch.setattr(sys, "argv", ["bench.refer", *(f"{key}={value}" for key, value in given.items())])
    return refer.main()


def index(tmp_path: Path, out: str = "set") -> Index:
    return read_index(DataConfig(root=str(tmp_path / out)))


def files_of(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_polygons_become_references_with_the_files_own_bytes(
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(tmp_path, content, monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "storage tank" in printed
    assert "position" in printed
    found = index(tmp_path)
    assert {r.category for r in found.references} == {"ship", "storage tank"}
    assert all(
        r.image.read_bytes() == (tmp_path / "photos" / r.image.name).read_bytes() for r in found.references
    )
    left = next(r for r in found.references if "left" in r.sentence and " is " not in r.sentence)
    rows, columns = np.nonzero(left.mask.read())
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (6, 55, 18, 67)


def test_equal_images_stay_in_one_split_and_no_image_is_in_two(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(4):
        run(tmp_path, content, monkeypatch, f"seed={seed}", "split=[0.4,0.3,0.3]", out=f"set{seed}")
        split_of: dict[bytes, set[str]] = {}
        for reference in index(tmp_path, f"set{seed}").references:
            split_of.setdefault(reference.image.read_bytes(), set()).add(reference.split)
        assert len(split_of) == 11
        assert all(len(splits) == 1 for splits in split_of.values())


def test_the_same_request_gives_the_same_bytes_and_is_not_written_twice(
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, content, monkeypatch, "name=mine")
    run(tmp_path, content, monkeypatch, "name=mine", out="other")
    assert files_of(tmp_path / "set") == files_of(tmp_path / "other")
    before = (tmp_path / "set").stat().st_ino
    assert run(tmp_path, content, monkeypatch, "name=mine") == 0
    assert "nothing was written" in capsys.readouterr().out
    assert (tmp_path / "set").stat().st_ino == before


def test_another_set_at_out_is_replaced_only_when_told_to(
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, content, monkeypatch)
    assert run(tmp_path, content, monkeypatch, "seed=1") == 2
    assert "overwrite=true" in capsys.readouterr().err
    assert run(tmp_path, content, monkeypatch, "seed=1", "overwrite=true") == 0


@pytest.mark.parametrize("beside", [False, True])
def test_what_another_wrote_is_never_deleted(
    beside: bool,
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if beside:  # in a set of this command
        assert run(tmp_path, content, monkeypatch) == 0
    (tmp_path / "set").mkdir(exist_ok=True)
    (tmp_path / "set/thesis.txt").write_text("three years of work")
    assert run(tmp_path, content, monkeypatch, "seed=1", "overwrite=true") == 2
    error = capsys.readouterr().err
    assert "holds thesis.txt" in error
    assert len(error.splitlines()) == 2
    assert (tmp_path / "set/thesis.txt").read_text() == "three years of work"


def test_a_file_at_out_is_not_replaced(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").write_text("mine")
    assert run(tmp_path, content, monkeypatch, "overwrite=true") == 2
    assert (tmp_path / "set").read_text() == "mine"


def test_limits_on_sentences_hold(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, "per_instance=1")
    seen = [(r.image_id, r.box) for r in index(tmp_path).references]
    assert len(set(seen)) == len(seen)
    run(tmp_path, content, monkeypatch, "per_image=1", out="one")
    names = [r.image_id for r in index(tmp_path, "one").references]
    assert len(set(names)) == len(names)


def test_larger_images_are_shrunk_with_their_masks(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, "max_side=60")
    for reference in index(tmp_path).references:
        with Image.open(reference.image) as image:
            assert image.size == (60, 60)
        assert reference.mask.read().shape == (60, 60)
        assert reference.mask.read().any()


def test_groups_are_written_as_one_mask(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, "groups=true")
    both = next(r for r in index(tmp_path).references if r.sentence == "All ships")
    assert both.mask.read().sum() == 12 * 12 + 18 * 18


def test_colours_are_read_from_the_pixels_when_asked(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in content["images"]:
        pixels = np.full((120, 120, 3), 120, np.uint8)
        pixels[55:67, 6:18] = (200, 30, 30)
        pixels[55:73, 100:118] = (240, 240, 240)
        Image.fromarray(pixels).save(tmp_path / "photos" / entry["file_name"], quality=95)
    run(tmp_path, content, monkeypatch, "colours=true")
    red = [r for r in index(tmp_path).references if "red ship" in r.sentence and " is " not in r.sentence]
    assert red
    assert all(r.box is not None and r.box[0] == 6 for r in red)


def test_compressed_and_plain_run_lengths_give_the_same_set_as_polygons(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for annotation in content["annotations"]:
        rle = coco.merge(coco.frPyObjects(annotation["segmentation"], 120, 120))
        if annotation["id"] % 2:
            annotation["segmentation"] = {"size": [120, 120], "counts": rle["counts"].decode()}
        else:
            flat = coco.decode(rle).ravel(order="F")
            changes = np.flatnonzero(np.diff(flat)) + 1
            runs = np.diff(np.concatenate(([0], changes, [len(flat)])))
            annotation["segmentation"] = {"size": [120, 120], "counts": runs.tolist()}
    run(tmp_path, content, monkeypatch)
    run(tmp_path, make_coco(tmp_path / "again"), monkeypatch, out="polygons")
    sentences = [
        [(r.sentence, r.box) for r in index(tmp_path, out).references] for out in ("set", "polygons")
    ]
    assert sentences[0] == sentences[1]


def test_a_class_with_a_crowd_or_an_empty_mask_is_not_spoken_of(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = content["annotations"][0], content["annotations"][3]
    first["iscrowd"] = 1
    second["segmentation"] = {"size": [120, 120], "counts": [120 * 120]}
    run(tmp_path, content, monkeypatch)
    spoken = {(r.image_id, r.category) for r in index(tmp_path).references}
    assert ("000", "ship") not in spoken
    assert ("001", "ship") not in spoken
    assert {("000", "storage tank"), ("002", "ship")} <= spoken


def test_classes_can_be_called_otherwise(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, "rename={storage_tank: oil tank, ship: oil tank}")
    found = index(tmp_path)
    assert {r.category for r in found.references} == {"oil tank"}
    assert not any("ship" in r.sentence or "storage" in r.sentence for r in found.references)
    # three of one class now: what meant the only storage tank would mean three
    assert not any(r.sentence.split(" ", 1)[1] == "oil tank" for r in found.references)


def test_objects_cut_by_the_border_are_meant_as_far_as_was_asked(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for annotation in content["annotations"]:
        if annotation["category_id"] == 7 and annotation["segmentation"][0][0] == 6:
            annotation["segmentation"] = [[0, 55, 6, 55, 6, 67, 0, 67]]  # 72 of the other ship's 324 pixels
    cut = {}
    for share in ("0", "0.2", "0.5", "1"):
        run(tmp_path, content, monkeypatch, f"min_visible={share}", out=share)
        cut[share] = any(r.box is not None and r.box[0] == 0 for r in index(tmp_path, share).references)
    assert cut == {"0": True, "0.2": True, "0.5": False, "1": False}


def test_the_preview_shows_sentences_and_outlines_and_leaves_the_set_as_it_is(
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(tmp_path, content, monkeypatch)
    before = files_of(tmp_path / "set")
    assert run(tmp_path, content, monkeypatch, "preview=6") == 0
    assert "preview.png" in capsys.readouterr().out
    after = files_of(tmp_path / "set")
    drawn = after.pop("preview.png")
    assert after == before
    with Image.open(tmp_path / "set" / "preview.png") as sheet:
        assert sheet.width == 1600
        assert np.any(np.all(np.asarray(sheet) == (255, 230, 0), axis=-1))
    monkeypatch.setattr(sys, "argv", ["bench.refer", f"out={tmp_path / 'set'}", "preview=6"])
    assert refer.main() == 0
    assert files_of(tmp_path / "set")["preview.png"] == drawn


def test_a_set_is_called_by_its_own_name_unless_another_is_given(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, out="harbours")
    run(tmp_path, content, monkeypatch, "name=Our ports", out="set")
    roots = {name: str(tmp_path / name) for name in ("harbours", "set")}
    assert with_own_name(DataConfig(root=roots["harbours"])).name == "harbours"
    assert with_own_name(DataConfig(root=roots["set"])).name == "Our ports"
    assert with_own_name(DataConfig(name="given", root=roots["set"])).name == "given"
    assert with_own_name(DataConfig(root=str(tmp_path / "photos"))).name == "rrsisd"


def test_tables_of_a_study_show_the_set_under_its_own_name(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path, content, monkeypatch, "name=Our ports", "split=[0.4,0.3,0.3]")
    plan = prepare(
        Request.parse(
            [
                "data=rrsisd",
                f"data.root={tmp_path / 'set'}",
                f"data.cache={tmp_path}",
                f"store={tmp_path / 'runs'}",
            ]
        )
    )
    assert {cell.dataset for cell in plan.cells} == {"Our ports"}


def test_a_class_with_two_objects_under_one_mask_is_not_spoken_of(
    tmp_path: Path, content: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    two, crumb = content["annotations"][0], content["annotations"][3]
    two["segmentation"] = square(6, 55) + square(30, 55)
    crumb["segmentation"] = square(6, 55) + square(30, 55, 4)
    run(tmp_path, content, monkeypatch)
    spoken = {(r.image_id, r.category) for r in index(tmp_path).references}
    assert ("000", "ship") not in spoken
    assert {("000", "storage tank"), ("001", "ship")} <= spoken


def test_without_arguments_it_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench.refer"])
    assert refer.main() == 2
    assert "Pass coco=FILE images=DIR out=DIR" in capsys.readouterr().err


def test_help_teaches() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.refer", "--help"], capture_output=True, text=True, check=True
    )
    assert "per_instance=4" in done.stdout


def test_names_are_written_as_people_write_them() -> None:
    assert [
        human(n)
        for n in ("storage_tank", "groundtrackfield", "Expressway-Service-area", "StorageTank", "ship")
    ] == [
        "storage tank",
        "ground track field",
        "expressway service area",
        "storage tank",
        "ship",
    ]


def test_split_shares_are_met() -> None:
    splits = assign_splits([str(i) for i in range(100)], [0.7, 0.1, 0.2], seed=3)
    assert [splits.count(name) for name in ("train", "val", "test")] == [70, 10, 20]
    assert splits != assign_splits([str(i) for i in range(100)], [0.7, 0.1, 0.2], seed=4)


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((200, 30, 30), "red"),
        ((240, 240, 240), "white"),
        ((20, 20, 22), "black"),
        ((130, 132, 131), "gray"),
        ((30, 90, 200), "blue"),
        ((40, 140, 60), "green"),
        ((230, 210, 60), "yellow"),
        ((198, 198, 198), None),  # between gray and white
    ],
)
def test_colours_have_names_only_where_they_are_clear(rgb: tuple[int, int, int], name: str | None) -> None:
    pixels = np.tile(np.array(rgb, np.uint8), (50, 1))
    assert colour_name(pixels) == name
    mixed = np.vstack([pixels, np.tile(np.array((120, 60, 200), np.uint8), (50, 1))])
    assert colour_name(mixed) is None


def test_real_photographs_give_thousands_of_references(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared / "data" / "vhr10"
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "bench.refer",
            f"coco={folder / 'instances.json'}",
            f"images={folder / 'images'}",
            f"out={tmp_path / 'v'}",
        ],
    )
    assert refer.main() == 0
    found = index(tmp_path, "v")
    assert len(found.references) > 1000
    images = [{r.image_id for r in found.split(split)} for split in ("train", "val", "test")]
    assert sum(map(len, images)) == len(set.union(*images))
    assert not any(word in r.sentence.split() for r in found.references for word in ("red", "green", "blue"))
