"""Prediction: what is read from images of every kind, what is written, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bench.config.choices import Precision
from bench.images.picture import Picture
from bench.images.read import read_picture
from bench.inference import predict_files
from bench.inference.outputs import distinct, slug
from bench.inference.predictor import Predictor
from bench.models.bundle import Bundle, load_bundle, save_bundle
from bench.predict import read_options
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer
from tests.bench.inference.conftest import record
from tests.bench.rasters import deep, noise, pixels, raster

rasterio = pytest.importorskip("rasterio")
Predict = Callable[..., int]


def test_georeferenced_scene_gives_mask_and_polygons_that_agree(predict: Predict, tmp_path: Path) -> None:
    scene = raster(tmp_path / "scene.tif", deep(3))
    assert predict(f"image={scene}", "text=the ship at the top") == 0
    found = record()
    mask = np.asarray(Image.open(found["files"]["mask"])) > 0
    assert mask.shape == (60, 90)
    assert 0 < mask.sum() == found["pixels"] < mask.size
    probability = np.load(found["files"]["probability"])
    assert np.array_equal(mask, probability > 0.5)
    with rasterio.open(found["files"]["geotiff"]) as written, rasterio.open(scene) as source:
        assert (written.crs, written.transform) == (source.crs, source.transform)
        assert np.array_equal(written.read(1), mask)
    features = json.loads(Path(found["files"]["geojson"]).read_text())["features"]
    assert sum(feature["properties"]["pixels"] for feature in features) == mask.sum()
    assert all(feature["properties"]["text"] == "the ship at the top" for feature in features)
    assert all(feature["properties"]["probability"] > 0.5 for feature in features)
    drawn = np.zeros(mask.shape, bool)
    with rasterio.open(scene) as source:
        for feature in features:
            outline = feature["geometry"]["coordinates"][0]
            x, y = np.array(outline).T
            assert (x > 2.04).all()
            assert (x < 2.06).all()
            assert (y > 48.74).all()
            assert (y < 48.76).all()
            assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0, "outlines run counter-clockwise"
            back = rasterio.warp.transform_geom("EPSG:4326", source.crs, feature["geometry"])
            drawn |= rasterio.features.rasterize([back], mask.shape, transform=source.transform) > 0
    assert np.array_equal(drawn, mask)


def test_predicts_the_mask_that_evaluation_scores(bundle: Bundle, tmp_path: Path) -> None:
    from accelerate import Accelerator

    from bench.config.choices import EvalSize
    from bench.data.dataset import ReferringDataset
    from bench.data.reference import Reference
    from bench.storage import rle
    from bench.training.evaluate import evaluate

    class Empty:
        def read(self) -> np.ndarray:
            return np.zeros((60, 90), bool)

    Image.fromarray(pixels()).save(tmp_path / "a.png")
    reference: Any = Reference.__new__(Reference)
    values = {"ref_id": 1, "image_id": "a", "category": "ship", "sentence": "the ship on the left"}
    for key, value in (values | {"image": tmp_path / "a.png", "mask": Empty()}).items():
        object.__setattr__(reference, key, value)
    dataset = ReferringDataset([reference], Tokenizer.load(None), 32, 22)
    scored = evaluate(
        bundle.model, dataset, Accelerator(cpu=True), size=EvalSize.native, batch_size=1, workers=0
    )
    found = Predictor(bundle)([(read_picture(tmp_path / "a.png"), reference.sentence)])[0]
    assert np.array_equal(found.mask, rle.decode(scored["prediction"][0].encode(), (60, 90)))


def test_no_data_pixels_are_never_in_a_mask(predict: Predict, tmp_path: Path) -> None:
    bands = deep(3)
    bands[:, :, :40] = 0
    assert predict(f"image={raster(tmp_path / 's.tif', bands, nodata=0)}", "text=the ship") == 0
    files = record()["files"]
    assert not np.asarray(Image.open(files["mask"]))[:, :40].any()
    assert np.asarray(Image.open(files["mask"]))[:, 40:].any()
    assert np.isnan(np.load(files["probability"])[:, :40]).all()
    left = np.asarray(Image.open(files["overlay"]))[:60, :40]
    assert len(np.unique(left.reshape(-1, 3), axis=0)) == 2, "two greys in stripes"


def test_scene_without_crs_gets_no_geojson_and_says_so(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = raster(tmp_path / "s.tif", deep(3), crs=None)
    assert predict(f"image={scene}", "text=the ship") == 0
    assert "geotiff" in record()["files"]
    assert "geojson" not in record()["files"]
    assert "no coordinate reference system" in capsys.readouterr().err


def test_folder_with_a_damaged_image_predicts_the_others(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name, height in (("a b.png", 40), ("a-b.png", 70), ("c.jpg", 50)):
        Image.fromarray(pixels(height)).save(tmp_path / "in" / name)
    (tmp_path / "in/broken.png").write_bytes((tmp_path / "in/a b.png").read_bytes()[:900])
    assert (
        predict("image=in", "text=the ship", "text=../../../etc/passwd", "batch_size=4", "out=deep/out") == 1
    )
    assert "broken.png" in capsys.readouterr().err
    masks = sorted(str(path.relative_to("deep/out")) for path in Path("deep/out").rglob("*.mask.png"))
    assert masks == [
        f"{image}/{text}.mask.png"
        for image in ("a-b-2", "a-b", "c")  # sorted
        for text in ("01-the-ship", "02-etc-passwd")
    ]
    *listed, last = json.loads(Path("deep/out/predictions.json").read_text())
    assert "broken.png" in last["error"]
    for found in listed:
        assert Image.open(found["files"]["mask"]).size == Image.open(found["image"]).size


def test_batches_change_no_mask(bundle: Bundle) -> None:
    predictor, picture = Predictor(bundle), noise()
    together = predictor([(picture, "the ship"), (picture, "a red car on the left")])
    alone = predictor([(picture, "a red car on the left")])[0]
    assert np.allclose(together[1].probability, alone.probability, atol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ["image=none.png", "text=ship"],
        ["image=.", "text=ship"],
        ["text=ship"],
        ["image=x.png"],
        ["image=x.png", "text= "],
        ["image=x.png", "text=[a"],
        ["image=x.png", "text=ship", "batch_size=0"],
        ["image=cut.tif", "text=ship"],
        ["image=x.png", "text=ship", "weights=nowhere"],
        ["image=x.png", "text=ship", "band=[1]"],
        ["image=x.png", "text=ship", "bands=1"],
    ],
)
def test_wrong_request_is_two_lines_and_exit_code_2(
    words: list[str], predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cut.tif").write_bytes(raster(tmp_path / "whole.dat", deep(3)).read_bytes()[:3000])
    if words[0] == "image=x.png":
        Image.fromarray(pixels()).save(tmp_path / "x.png")
    assert predict(*words) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
    assert not Path("predictions").exists()


def test_folder_that_cannot_be_written_is_two_lines(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(pixels()).save(tmp_path / "x.png")
    assert predict("image=x.png", "text=ship", "out=x.png") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[0] == "out=x.png: is a file."
    assert len(said) == 2


def test_a_model_brings_the_bands_it_was_trained_with(
    bundle: Bundle, predict: Predict, tmp_path: Path
) -> None:
    raster(tmp_path / "scene.tif", deep(5))
    save_bundle(replace(bundle, bands=(4, 3, 2)), tmp_path / "model")
    words = ("image=scene.tif", "text=the ship")
    assert [predict(*words, "out=own"), predict(*words, "out=same", "bands=[4,3,2]")] == [0, 0]
    assert predict(*words, "out=other", "bands=[1,2,3]") == 0
    found = [np.load(next((tmp_path / out).rglob("*.npy"))) for out in ("own", "same", "other")]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


@pytest.mark.parametrize("bands", [[1, 2], ["red"], 7])
def test_bands_of_an_export_that_cannot_be_are_refused(bundle: Bundle, tmp_path: Path, bands: Any) -> None:
    save_bundle(bundle, tmp_path / "model")
    said = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(said | {"bands": bands}))
    with pytest.raises(UserError, match="cannot be used"):
        load_bundle(tmp_path / "model")


def test_sentences_are_taken_as_they_are() -> None:
    given = ["weights=m", "image=i", "text=the ship: #1, left", 'text=["a ship","cars, red"]', "text=yes"]
    assert read_options(given).text == ["the ship: #1, left", "a ship", "cars, red", "yes"]


def test_names_are_safe_and_distinct() -> None:
    assert slug("../Étage  №1/x", "text") == "etage-no1-x"
    assert slug("航拍", "image") == "image"
    assert len(slug("a" * 500, "text")) <= 60
    assert distinct(["a", "A", "a-2", "a"], "image") == ["a", "a-2", "a-2-2", "a-3"]


def test_another_programs_predictions_are_not_replaced(
    predict: Predict, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(pixels()).save("a.png")
    Path("found").mkdir()
    Path("found/predictions.json").write_text('{"theirs": 1}')
    assert predict("image=a.png", "text=the ship", "out=found") == 2
    assert "holds predictions.json" in capsys.readouterr().err
    assert Path("found/predictions.json").read_text() == '{"theirs": 1}'
    Path("found/predictions.json").unlink()
    for _ in range(2):
        assert predict("image=a.png", "text=the ship", "out=found") == 0


LOCAL = (
    'ENGCRS["site grid",EDATUM["site"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["metre",1]]'
)


def test_a_local_grid_gives_the_mask_and_a_note(
    predict: Predict, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = raster(tmp_path / "site.tif", pixels().transpose(2, 0, 1), crs=LOCAL)
    assert predict(f"image={scene}", "text=the ship", "json=true") == 0
    said = capsys.readouterr()
    (record,) = json.loads(said.out)
    assert record["pixels"] > 0
    assert {"mask", "geotiff"} <= record["files"].keys()
    assert "geojson" not in record["files"]
    assert "no longitude and latitude" in said.err


def test_a_folder_is_predicted_to_its_end_and_what_failed_is_listed(
    predict: Predict, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("scenes").mkdir()
    for name in ("a", "c", "d"):
        Image.fromarray(pixels()).save(f"scenes/{name}.png")
    Path("scenes/b.png").write_bytes(b"no picture")
    read = predict_files.read_picture

    def odd(path: Path, *how: Any) -> Picture:
        if path.stem == "c":
            raise IndexError("of a library")
        return read(path, *how)

    monkeypatch.setattr(predict_files, "read_picture", odd)
    assert predict("image=scenes", "text=the ship", "out=found") == 1
    listed = json.loads(Path("found/predictions.json").read_text())
    assert [Path(each["image"]).name for each in listed] == ["a.png", "d.png", "b.png", "c.png"]
    assert ["error" in each for each in listed] == [False, False, True, True]
    assert "IndexError" in capsys.readouterr().err


def test_words_that_the_vocabulary_does_not_know_are_told(
    predict: Predict, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(pixels()).save("a.png")
    assert predict("image=a.png", "text=the 船 on the left", "text=the ship") == 0
    said = capsys.readouterr().err
    assert 'text="the 船 on the left": the vocabulary does not know 船.' in said
    assert said.count("does not know") == 1


def test_bfloat16_masks_are_nearly_those_of_float32(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    pair = (noise(), "the ship")
    exact = Predictor(bundle)([pair])[0].probability
    close = Predictor(bundle, precision=Precision.bf16)([pair])[0].probability
    assert 0 < np.abs(exact - close).max() < 0.05


def test_a_cpu_that_would_emulate_bfloat16_refuses_it(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    with pytest.raises(UserError, match="does not compute in bfloat16"):
        Predictor(bundle, precision=Precision.bf16)
