"""One reader: a file gives training, audit and prediction the same pixels."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.config.choices import Stretch
from bench.config.compose import configuration
from bench.config.identity import identity
from bench.data.audit import audit
from bench.data.fingerprint import fingerprint
from bench.data.resized import image_reader
from bench.data.usable import usable_references
from bench.images.read import is_deep, open_image, read_picture
from bench.terminal.errors import DataError, UserError

GREY = np.linspace(2000, 12000, 30 * 40).reshape(30, 40)


def grey16(path: Path) -> Path:
    Image.fromarray(GREY.astype(np.uint16)).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


def floats(path: Path) -> Path:
    Image.fromarray((GREY / 12000).astype(np.float32)).save(path.with_suffix(".tif"))
    return path.with_suffix(".tif")


def colour16(path: Path) -> Path:
    rasterio = pytest.importorskip("rasterio")
    bands = np.stack([GREY, GREY[::-1], GREY[:, ::-1]]).astype(np.uint16)
    shape = {"height": 30, "width": 40, "count": 3, "dtype": "uint16"}
    with rasterio.open(path.with_suffix(".png"), "w", driver="PNG", **shape) as file:
        file.write(bands)
    return path.with_suffix(".png")


DEEP = pytest.mark.parametrize("write", [grey16, floats, colour16])


@DEEP
@pytest.mark.parametrize("stretch", list(Stretch))
def test_training_and_prediction_see_the_same(
    write: Callable[[Path], Path], stretch: Stretch, tmp_path: Path
) -> None:
    path = write(tmp_path / "a")
    assert is_deep(path)
    trained = np.asarray(open_image(path, "RGB", stretch))
    assert np.array_equal(trained, read_picture(path, stretch=stretch).pixels)
    if stretch != Stretch.none:
        assert 100 < trained.mean() < 155, "neither white nor black"


def test_rules_are_as_stated(tmp_path: Path) -> None:
    path = grey16(tmp_path / "a")
    ends = {stretch: np.asarray(open_image(path, "RGB", stretch)) for stretch in Stretch}
    assert (ends[Stretch.none] == 255).all()
    assert [int((ends[Stretch.minmax][..., 0] == value).sum()) for value in (0, 255)] == [5, 1]
    assert abs(int((ends[Stretch.percentile][..., 0] == 0).sum()) - 30 * 40 * 0.02) < 6


def test_eight_bits_stay_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(90, 120, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert not is_deep(tmp_path / "a.png")
    for stretch in Stretch:
        assert np.array_equal(np.asarray(open_image(tmp_path / "a.png", "RGB", stretch)), pixels)


def test_the_rule_is_part_of_the_identity_only_where_it_is_another() -> None:
    ids = [identity(configuration([f"data.stretch={each}"]), 0, "f", str)["data"] for each in Stretch]
    assert ids[0] == {"fingerprint": "f", "max_tokens": 22}
    assert [each.get("stretch") for each in ids] == [None, "minmax", "none"]


def test_cached_images_of_two_rules_are_two(rrsisd) -> None:
    for reference in rrsisd.images.iterdir():
        Image.fromarray(GREY.astype(np.uint16)).save(reference, "PNG")
    path = rrsisd.images / "00000.jpg"
    seen = [image_reader([path], 16, replace(rrsisd.data, stretch=each))(path) for each in Stretch]
    assert (seen[2] == 255).all()
    assert not np.array_equal(seen[0], seen[1])


def test_what_was_trained_on_white_images_has_another_name_now(rrsisd, monkeypatch) -> None:
    before = fingerprint(rrsisd.data)
    monkeypatch.setattr("bench.data.remembered.STRETCHED", "otherwise")
    assert fingerprint(replace(rrsisd.data, cache=f"{rrsisd.data.cache}-2")) == before, "8 bits: as ever"
    Image.fromarray(GREY.astype(np.uint16)).save(rrsisd.images / "00000.jpg", "PNG")
    after = [fingerprint(replace(rrsisd.data, cache=f"{rrsisd.data.cache}-{n}")) for n in (3,)]
    monkeypatch.undo()
    assert fingerprint(replace(rrsisd.data, cache=f"{rrsisd.data.cache}-4")) not in after


def test_constant_and_transparent_images_are_told(rrsisd) -> None:
    Image.new("RGB", (40, 30), (9, 9, 9)).save(rrsisd.images / "00000.jpg")
    half = np.full((30, 40, 4), 80, np.uint8)
    half[:, ::2] = 0
    Image.fromarray(half).save(rrsisd.images / "00001.jpg", "PNG")
    report = audit(rrsisd.data, max_tokens=22, tokenizer_length=lambda sentence: 5)
    assert not report.errors
    told = [(finding.kind, Path(finding.file).name) for finding in report.warnings]
    assert told == [("constant_image", "00000.jpg"), ("transparent_image", "00001.jpg")]
    assert "one colour" in read_picture(rrsisd.images / "00000.jpg").notes[0]
    assert "50% of its pixels" in read_picture(rrsisd.images / "00001.jpg").notes[0]


def turned(path: Path, orientation: int) -> np.ndarray:
    """A picture that viewers turn; its pixels as stored."""
    pixels = np.random.default_rng(1).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(path, "PNG", exif=exif)
    return pixels


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_an_image_that_viewers_turn_is_refused_with_masks_and_turned_without(
    orientation: int, rrsisd
) -> None:
    path = rrsisd.images / "00002.jpg"
    pixels = turned(path, orientation)
    with pytest.raises(DataError, match=f"EXIF orientation {orientation}"):
        open_image(path, "RGB")
    report = audit(rrsisd.data, max_tokens=22, tokenizer_length=lambda sentence: 5)
    assert [(finding.kind, finding.ref_id) for finding in report.errors] == [("turned_image", 12)]
    with pytest.raises(UserError, match="1 samples cannot be used"):
        usable_references(rrsisd.data)
    picture = read_picture(path)
    assert np.array_equal(picture.pixels, np.rot90(pixels, {3: 2, 6: -1, 8: 1}[orientation]))
    assert f"EXIF orientation {orientation}" in picture.notes[0]


def test_an_upright_image_with_exif_data_is_read_as_ever(tmp_path: Path) -> None:
    pixels = turned(tmp_path / "a.png", 1)
    assert np.array_equal(np.asarray(open_image(tmp_path / "a.png", "RGB")), pixels)
    assert not read_picture(tmp_path / "a.png").notes
