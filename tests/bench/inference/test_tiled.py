"""Images that are larger than one window: read in windows, merged, and the same as read at once where they can be."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from bench.config.schema import ModelConfig
from bench.images import read
from bench.images.picture import Picture
from bench.images.read import open_scene, read_picture
from bench.images.scene import HeldScene, Window
from bench.inference import scene_files
from bench.inference.asked import Outlines, Position, Tiling
from bench.inference.merged import Merger, whole
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Prediction, Predictor
from bench.models.bundle import Bundle
from bench.models.vocabulary import vocabulary_text
from bench.predict import main, read_options, read_tiling
from bench.terminal.errors import UserError
from fianet.tokens import SHIPPED, Tokenizer

rasterio = pytest.importorskip("rasterio")
SIZE = 32


class Reddish(nn.Module):
    """Says of every pixel by itself whether it is red, whatever the sentence."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, images: Tensor, *words: Tensor) -> Tensor:
        self.seen += len(images)
        odds = images[:, :1] - images[:, 1:2] - 1.0
        return torch.cat([-odds, odds], dim=1)


@pytest.fixture
def predictor() -> Predictor:
    vocabulary = vocabulary_text(SHIPPED)
    return Predictor(
        Bundle(Reddish(), ModelConfig(), Tokenizer.load(None).vocab_size, SIZE, 22, vocabulary, "test")
    )


def scene(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """Green ground with a little noise (H,W,3), and a red box for each x0, y0, x1, y1."""
    pixels = np.random.default_rng(0).integers(0, 40, (height, width, 3), dtype=np.uint8)
    pixels[..., 1] += 90
    for x0, y0, x1, y1 in boxes:
        pixels[y0:y1, x0:x1] = (220, 30, 30)
    return pixels


def red(pixels: np.ndarray) -> np.ndarray:
    return pixels[..., 0] > 200


BOXES = ((10, 5, 22, 15), (60, 30, 85, 50), (90, 90, 99, 120), (3, 100, 20, 118))


def geotiff(path: Path, pixels: np.ndarray, **profile: Any) -> Path:
    """Writes pixels (H,W,3) as a GeoTIFF of half a metre a pixel, unless told otherwise."""
    place = {"crs": "EPSG:32631", "transform": rasterio.transform.from_origin(499000, 5400000, 0.5, 0.5)}
    shape = {"height": pixels.shape[0], "width": pixels.shape[1], "count": 3, "dtype": pixels.dtype}
    with rasterio.open(path, "w", driver="GTiff", **shape, **(place | profile)) as file:
        file.write(pixels.transpose(2, 0, 1))
    return path


def merged(predictor: Predictor, picture: Picture, side: int, overlap: float = 0.25) -> Prediction:
    merger = Merger(predictor, HeldScene(picture), ["ship"], side, overlap, 5, lambda done, total: None)
    return whole(merger.strips())[0]


def held(pixels: np.ndarray) -> Picture:
    return Picture(Path("x.png"), pixels, np.ones(pixels.shape[:2], bool))


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
@pytest.mark.parametrize("shape", [(32, 32), (33, 100), (130, 90), (20, 70), (128, 128)])
def test_windows_of_the_models_size_give_what_each_pixel_says(
    shape: tuple[int, int], overlap: float, predictor: Predictor
) -> None:
    pixels = scene(*shape, *((x0 % shape[1], y0 % shape[0], x1, y1) for x0, y0, x1, y1 in BOXES))
    found = merged(predictor, held(pixels), SIZE, overlap)
    odds = predictor.model(_normal(pixels))[0]
    assert np.array_equal(found.mask, red(pixels))
    assert np.array_equal(found.mask, (odds[1] > odds[0]).numpy())
    assert np.allclose(found.probability, torch.softmax(odds, 0)[1].numpy(), atol=1e-5)


def _normal(pixels: np.ndarray) -> Tensor:
    from bench.models.inputs import normalize

    return normalize(torch.from_numpy(pixels.transpose(2, 0, 1)[None].copy()))


def test_one_window_over_everything_is_the_prediction_without_windows(predictor: Predictor) -> None:
    picture = held(scene(100, 100, *BOXES))
    once = predictor([(picture, "ship")])[0]
    found = merged(predictor, picture, 100)
    assert np.array_equal(found.mask, once.mask)
    assert np.allclose(found.probability, once.probability, atol=1e-6)


def test_resized_windows_find_the_same_up_to_the_borders_of_pixels(predictor: Predictor) -> None:
    pixels = scene(128, 128, *BOXES)
    for side in (16, 64):
        found = merged(predictor, held(pixels), side)
        assert (found.mask ^ red(pixels)).mean() < 0.02


def test_window_without_data_is_not_looked_at_and_nothing_is_found_there(predictor: Predictor) -> None:
    picture = held(scene(32, 96, (0, 0, 96, 32)))
    picture.valid[:, :40] = False
    found = merged(predictor, picture, SIZE, 0)
    assert predictor.model.seen == 2
    assert np.array_equal(found.mask, picture.valid)
    assert np.isnan(found.probability[:, :40]).all()
    assert not np.isnan(found.probability[:, 40:]).any()


def test_scene_from_disk_is_read_like_the_picture_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    values = np.random.default_rng(1).integers(1, 3000, (70, 90, 3)).astype(np.uint16)
    values[:20, :30] = 0
    path = geotiff(tmp_path / "s.tif", values, nodata=0)
    picture = read_picture(path)
    with open_scene(path) as streamed:
        found = streamed.read(Window(40, 60, 50))
        assert np.array_equal(streamed.thumbnail.pixels, picture.pixels)
    expected = HeldScene(picture).read(Window(40, 60, 50))
    assert np.array_equal(found.pixels, expected.pixels)
    assert np.array_equal(found.valid, expected.valid)
    assert found.valid[:30, :30].all()
    assert not found.valid[30:].any()


Run = Callable[..., tuple[list[dict[str, Any]], Path]]


@pytest.fixture
def run(predictor: Predictor, tmp_path: Path) -> Run:
    def run(path: Path, *texts: str, out: str = "out", **tiling: Any) -> tuple[list[dict[str, Any]], Path]:
        wanted = Wanted(texts or ("the ships",), tmp_path / out, tiling=Tiling(**tiling))
        records, failures = predict_files(predictor, [path], wanted)
        assert not failures
        return records, tmp_path / out

    return run


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


def test_stopped_scene_leaves_no_file(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    path = geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES))

    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(predictor, [path], Wanted(("ship",), tmp_path / "out", tiling=Tiling()), stop)
    assert not [each for each in (tmp_path / "out").rglob("*") if each.is_file()]


def test_scene_stopped_while_its_files_are_made_leaves_only_whole_ones(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HELD", 0)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scene_files, "overlay", stop)
    with pytest.raises(KeyboardInterrupt):
        run(geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES)), "ship")
    left = {each.name for each in (tmp_path / "out").rglob("*") if each.is_file()}
    assert left == {"01-ship.mask.tif", "01-ship.probability.tif"}


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


def test_image_for_which_there_is_no_memory_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(scene(100, 100)).save(tmp_path / "x.png")
    monkeypatch.setattr(read, "free_memory", lambda: 200_000)
    with pytest.raises(UserError, match="100x100 pixels take") as error, open_scene(tmp_path / "x.png"):
        pass
    assert "rio convert" in error.value.remedy


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


def test_real_photographs_are_merged_without_a_seam(shared: Path, predictor: Predictor) -> None:
    """A model that judges every pixel by itself finds in windows what it finds in the whole photograph."""
    paths = sorted((shared / "data/vhr10/images").glob("*.jpg"))[:3]
    assert len(paths) == 3
    for path in paths:
        picture = read_picture(path)
        picture = Picture(path, picture.pixels[:400, :500], picture.valid[:400, :500])
        odds = predictor.model(_normal(picture.pixels))[0]
        assert np.array_equal(merged(predictor, picture, SIZE).mask, (odds[1] > odds[0]).numpy())


def test_turned_tiff_is_turned_whatever_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "HELD", 0)
    pixels = scene(40, 60, (0, 0, 20, 10))
    path = tmp_path / "upside-down.tif"
    Image.fromarray(pixels).save(path, tiffinfo={274: 3})  # turned by half a circle
    with open_scene(path) as found:
        assert isinstance(found, HeldScene)
        assert np.array_equal(found.picture.pixels, pixels[::-1, ::-1])


@pytest.mark.parametrize("kind", ["geojson", "gpkg"])
def test_full_disk_is_one_line_and_leaves_no_broken_file(tmp_path: Path, kind: str) -> None:
    code = f"""
import resource, sys
from pathlib import Path
import numpy as np, rasterio
from bench.images.picture import Place
from bench.inference.asked import Outlines, VectorFormat
from bench.inference.outputs import write_outlines
from bench.inference.geo import write_mask
from bench.inference.parts import find_parts
from bench.terminal.errors import UserError
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
place = Place(rasterio.transform.from_origin(499000, 5400000, 0.5, 0.5), rasterio.crs.CRS.from_epsg(32631))
mask = np.random.default_rng(0).random((600, 600)) > 0.5
parts = find_parts(mask, np.ones(mask.shape))
(labels,) = parts.labels([mask])
rasterio.crs.CRS.from_epsg(4326).to_wkt()
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
for write in (
    lambda: write_mask(Path("a.mask.tif"), mask, place),
    lambda: write_outlines(Path("a"), labels, mask, parts, place, "x", Outlines(format=VectorFormat.{kind})),
):
    try:
        write()
    except (UserError, OSError) as error:
        print(type(error).__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == 2
    assert list(tmp_path.iterdir()) == []
