"""What `python -m bench.refer` refuses or leaves out, and what it says of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.data.conftest import square
from tests.bench.data.test_refer import run


def broken(content: dict[str, Any], key: str, place: int, **changes: Any) -> dict[str, Any]:
    content[key][place].update(changes)
    return content


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: "{", "is no JSON"),
        (lambda c: [], "no object"),
        (lambda c: {"images": []}, "has no list 'categories'"),
        (lambda c: broken(c, "annotations", 4, image_id=99), "annotation 4: image_id 99 is not in images"),
        (
            lambda c: broken(c, "annotations", 4, category_id=3),
            "annotation 4: category_id 3 is not in categories",
        ),
        (lambda c: broken(c, "images", 2, file_name="gone.jpg"), "lacks 1 of 12 images (first: gone.jpg)"),
        (lambda c: broken(c, "images", 2, file_name="001.jpg"), "001.jpg is listed twice"),
        (lambda c: broken(c, "images", 2, width=None), "image 2: lacks file_name, width or height"),
        (lambda c: broken(c, "images", 2, width=64), "is 120 x 120 pixels"),
        (lambda c: {**c, "annotations": []}, "nothing in it can be spoken of"),
    ],
)
def test_a_broken_coco_file_is_refused_in_two_lines(
    damage: Any,
    message: str,
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(tmp_path, damage(content), monkeypatch) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 2
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("rename={shp: boat}", "Did you mean ship?"),
        ("min_visible=1.5", "Pass a number from 0 to 1"),
        ("preview=-1", "too small"),
        ("per_imag=3", "Did you mean per_image?"),
        ("split=[0.5,0.5]", "three shares"),
        ("per_instance=0", "too small"),
        ("images=nowhere", "lacks 12 of 12 images"),
    ],
)
def test_a_wrong_request_names_the_key(
    argument: str,
    message: str,
    tmp_path: Path,
    content: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(tmp_path, content, monkeypatch, argument) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", [None, "", "  ", "###", 7, "sh\0ip", "ship\ud83d"])
def test_a_class_that_no_sentence_can_say_is_refused(
    tmp_path: Path,
    content: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: Any,
) -> None:
    content["categories"][0]["name"] = name
    assert run(tmp_path, content, monkeypatch) == 2
    assert "category 7: its name" in capsys.readouterr().err


def test_a_class_renamed_to_nothing_is_refused(
    tmp_path: Path, content: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in (('" "', "nothing that sentences can say"), ("[a]", "['a'] is among its values")):
        assert run(tmp_path, content, monkeypatch, f"rename={{ship: {name}}}") == 2
        assert said in capsys.readouterr().err


def test_iscrowd_is_not_guessed(
    tmp_path: Path, content: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content["annotations"][0]["iscrowd"] = "0"
    assert run(tmp_path, content, monkeypatch) == 2
    assert "annotation 0: iscrowd is '0', not 0 or 1" in capsys.readouterr().err


def test_an_outline_without_a_pixel_is_told(
    tmp_path: Path, content: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content["annotations"][0]["segmentation"] = square(300, 300)
    assert run(tmp_path, content, monkeypatch) == 0
    assert "annotation 0 (ship in 000.jpg): no pixel of the image is in it" in capsys.readouterr().err


@pytest.mark.parametrize("more", ["preview=4", "colours=true", "max_side=60"])
def test_a_cut_image_is_named(
    tmp_path: Path,
    content: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: str,
) -> None:
    for path in (tmp_path / "photos").iterdir():
        path.write_bytes(path.read_bytes()[:4000])
    assert run(tmp_path, content, monkeypatch, more) == 2
    said = capsys.readouterr().err.splitlines()
    assert ".jpg: image file is truncated" in said[0]
    assert len(said) == 2
