"""Images that are larger than one window: read in windows, merged, and the same as read at once where they can be."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.images import read
from bench.images.read import open_scene
from bench.images.scene import HeldScene
from bench.inference.asked import Outlines, Position, Tiling
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Predictor
from bench.predict import main, read_options, read_tiling
from bench.terminal.errors import UserError
from tests.bench.inference.conftest import SIZE, Run
from tests.bench.rasters import BOXES, geotiff, held, red, scene

rasterio = pytest.importorskip("rasterio")


def test_streamed_scene_gives_the_mask_of_the_one_in_memory(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = scene(150, 200, *BOXES, (120, 20, 190, 140))
    path = geotiff(tmp_path / "scene.tif", pixels)
    (in_memory,), _ = run(path, out="held")
    monkeypatch.setattr(read, "HELD", 0)
    (streamed,), out = run(path, out="streamed")
    with rasterio.open(streamed["files"]["geotiff"]) as mask, rasterio.open(path) as source:
        assert np.array_equal(mask.read(1), red(pixels))
        assert (mask.crs, mask.transform) == (source.crs, source.transform)
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(in_memory["files"]["geotiff"]) as mask:
        assert np.array_equal(mask.read(1), red(pixels))
        assert mask.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    with rasterio.open(streamed["files"]["probability"]) as percent:
        assert np.array_equal(percent.read(1) > 50, red(pixels))
        assert percent.nodata == 255
    assert in_memory["pixels"] == streamed["pixels"] == red(pixels).sum()
    assert in_memory["probability"] == streamed["probability"]
    assert Path(in_memory["files"]["geojson"]).read_text() == Path(streamed["files"]["geojson"]).read_text()
    assert not [*out.rglob(".*")], "no working files are left"
    shown = np.asarray(Image.open(streamed["files"]["overlay"]))
    assert shown.shape[0] > 150
    assert (shown[:150] == np.asarray(Image.open(in_memory["files"]["overlay"]))[:150]).all()


@pytest.mark.parametrize("streamed", [False, True])
def test_place_is_decided_in_the_whole_scene(
    streamed: bool, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top, middle, bottom = (70, 6, 90, 16), (70, 70, 90, 80), (70, 130, 90, 148)
    path = geotiff(tmp_path / "scene.tif", scene(150, 160, top, middle, bottom, (4, 4, 6, 6)))
    monkeypatch.setattr(read, "HELD", 0 if streamed else 10**6)
    records, _ = run(path, "the ship at the top", "the ships", "the ship on the left")
    found = []
    for record in records:
        with rasterio.open(record["files"]["geotiff"]) as mask:
            found.append(mask.read(1) > 0)
    assert np.array_equal(found[0], red(scene(150, 160, top)))
    assert found[1].sum() > 3 * found[0].sum()
    assert not found[2].any(), "the speck of two pixels is no thing"
    assert '"at the top" was looked for in the whole scene: kept 1 of the 4 parts' in records[0]["notes"][0]
    assert records[1]["notes"] == []
    assert records[2]["pixels"] == 0
    assert records[2]["probability"] is None


def test_position_window_asks_every_window_for_the_whole_sentence(run: Run, tmp_path: Path) -> None:
    path = geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES))
    (record,), _ = run(path, "the ship at the top", position=Position.window)
    assert record["pixels"] == red(scene(100, 100, *BOXES)).sum()
    assert record["notes"] == ['"at the top" was looked for inside each window of 32 pixels']


def test_what_fits_into_a_window_is_predicted_as_without_windows(
    run: Run, predictor: Predictor, tmp_path: Path
) -> None:
    Image.fromarray(scene(50, 60, *BOXES)).save(tmp_path / "x.png")
    run(tmp_path / "x.png", "the ship at the top", "a ship", side=60)
    wanted = Wanted(("the ship at the top", "a ship"), tmp_path / "off")
    predict_files(predictor, [tmp_path / "x.png"], wanted)
    files = [each for each in (tmp_path / "off").rglob("*") if each.suffix in (".png", ".npy")]
    assert len(files) == 6
    for file in files:
        assert file.read_bytes() == (tmp_path / "out" / file.relative_to(tmp_path / "off")).read_bytes()


def test_resolution_sets_the_size_of_windows_by_what_a_pixel_is_on_the_ground(tmp_path: Path) -> None:
    path = geotiff(tmp_path / "utm.tif", scene(300, 300))  # half a metre
    degrees = rasterio.transform.from_origin(10, 60, 1e-5, 5e-6)  # about 0.56 m x 0.56 m
    other = geotiff(tmp_path / "degrees.tif", scene(300, 300), crs="EPSG:4326", transform=degrees)
    for file, metres in ((path, 0.5), (other, 0.557)):
        with open_scene(file) as opened:
            assert Tiling(resolution=2.0).window(SIZE, opened) == round(SIZE * 2 / metres)
            assert Tiling(scale=0.25).window(SIZE, opened) == 128
            assert Tiling().window(SIZE, opened) == SIZE
            with pytest.raises(UserError, match=r"resolution=500 makes windows of"):
                Tiling(resolution=500).window(SIZE, opened)
    with pytest.raises(UserError, match="does not say where on Earth"):
        Tiling(resolution=2.0).window(SIZE, HeldScene(held(scene(40, 40))))


def test_image_that_is_shrunk_much_says_so(predictor: Predictor, tmp_path: Path) -> None:
    for name, side in (("small", 128), ("large", 400)):
        Image.fromarray(scene(40, side)).save(tmp_path / f"{name}.png")
        wanted = Wanted(("ship",), tmp_path / name)
        (record,), _ = predict_files(predictor, [tmp_path / f"{name}.png"], wanted)
        told = [note for note in record["notes"] if "tile=auto" in note]
        assert len(told) == (name == "large")


def test_damaged_block_is_one_line_and_the_others_are_predicted(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    (tmp_path / "in").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    bad = geotiff(tmp_path / "in/a.tif", pixels, compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    content = bytearray(bad.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9000] = b"\xff" * 9000
    bad.write_bytes(content)
    good = geotiff(tmp_path / "in/b.tif", scene(100, 100, *BOXES))
    wanted = Wanted(("ship",), tmp_path / "out", tiling=Tiling())
    records, failures = predict_files(predictor, [bad, good], wanted)
    assert [record["image"] for record in records] == [str(good)]
    assert "a.tif: cannot be read" in failures[0].error.what
    assert not [*(tmp_path / "out").rglob(".*")]


def test_block_that_cannot_be_read_midway_is_said_of_the_image(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.images import raster

    values = raster._values

    def damaged(file: Any, bands: Any, **part: Any) -> Any:
        if part.get("window", ((0,),))[0][0] > 30:
            raise rasterio.errors.RasterioIOError("Read failed")
        return values(file, bands, **part)

    monkeypatch.setattr(read, "HELD", 0)
    monkeypatch.setattr(raster, "_values", damaged)
    path = geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES))
    with pytest.raises(UserError, match=r"scene\.tif: cannot be read \(Read failed\)"):
        predict_files(predictor, [path], Wanted(("ship",), tmp_path / "out", tiling=Tiling()))
    assert not [each for each in (tmp_path / "out").rglob("*") if each.is_file()]


def test_progress_counts_windows(predictor: Predictor, tmp_path: Path) -> None:
    Image.fromarray(scene(80, 56)).save(tmp_path / "x.png")
    told: list[tuple[int, int]] = []
    wanted = Wanted(("ship",), tmp_path / "out", tiling=Tiling())
    predict_files(predictor, [tmp_path / "x.png"], wanted, lambda *each: told.append(each))
    assert told[0] == (0, 6)
    assert told[-1] == (6, 6)


@pytest.mark.parametrize(
    "words",
    [
        ["tile=big"],
        ["tile=5"],
        ["tile=100000"],
        ["overlap=0.5"],
        ["position=scene"],
        ["tile=auto", "overlap=1"],
        ["tile=auto", "overlap=-0.1"],
        ["tile=auto", "scale=0"],
        ["tile=auto", "resolution=-1"],
        ["tile=auto", "scale=1", "resolution=1"],
        ["tile=500", "scale=1"],
        ["tile=auto", "position=top"],
        ["tile=auto", "scale=nan"],
        ["format=shp"],
        ["simplify=-1"],
    ],
)
def test_wrong_window_is_two_lines_and_exit_code_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["predict", "weights=w", "image=.", "text=ship", *words])
    assert main() == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 2
    assert words[-1].partition("=")[0] in said[0]


def test_keys_of_windows_are_understood() -> None:
    def tiling(*words: str) -> Tiling | None:
        return read_tiling(read_options(["weights=w", "image=i", "text=ship", *words]))

    assert tiling() is None
    assert tiling("tile=off") is None
    assert tiling("tile=auto") == Tiling()
    assert tiling("tile=512", "overlap=0") == Tiling(side=512, overlap=0)
    assert tiling("tile=auto", "resolution=0.5", "position=window") == Tiling(
        resolution=0.5, position=Position.window
    )


def test_outlines_as_geopackage(predictor: Predictor, tmp_path: Path) -> None:
    from bench.inference.asked import VectorFormat

    path = geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES))
    wanted = Wanted(
        ("ship",), tmp_path / "out", tiling=Tiling(), outlines=Outlines(VectorFormat.gpkg, simplify=1.5)
    )
    (record,), _ = predict_files(predictor, [path], wanted)
    assert record["files"]["gpkg"].endswith("01-ship.gpkg")
    assert "geojson" not in record["files"]
    listed = json.loads((tmp_path / "out/predictions.json").read_text())
    assert listed == [record]
    assert listed[0]["window"] == SIZE
