"""`data.bands`: the bands that are chosen are read alike in training, audit and prediction."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import check
from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.audit import audit_errors
from bench.data.resized import image_reader
from bench.data.usable import usable_references
from bench.images.read import header_size, open_image, read_picture
from bench.terminal.errors import DataError, UserError

rasterio = pytest.importorskip("rasterio")
BANDS = np.random.default_rng(0).integers(1, 3000, (5, 30, 40)).astype(np.uint16)
BOX = "[[5,10,20,10,20,22,5,22]]"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes bands as a GeoTIFF."""

    def write(bands: np.ndarray, name: str = "a.tif", **more: object) -> Path:
        shape = {"count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "dtype": bands.dtype}
        place = {"crs": "EPSG:32631", "transform": rasterio.transform.from_origin(430000, 5400000, 2, 2)}
        with rasterio.open(tmp_path / name, "w", driver="GTiff", **shape, **(place | more)) as file:
            file.write(bands)
        return tmp_path / name

    return write


@pytest.fixture
def data(write: Write, tmp_path: Path) -> DataConfig:
    """Three images of five bands in a table."""
    lines = ["image,mask,sentence,split"]
    for number, split in enumerate(("train", "val", "test")):
        write(np.roll(BANDS, number, axis=2), f"{number}.tif")
        lines.append(f'{number}.tif,"{BOX}",the ship,{split}')
    (tmp_path / "set.csv").write_text("\n".join(lines))
    return DataConfig(
        layout=Layout.manifest, file=str(tmp_path / "set.csv"), root="", cache=str(tmp_path / "cache")
    )


@pytest.mark.parametrize("bands", [[4, 3, 2], [5]])
def test_training_audit_and_prediction_see_the_same_bands(data: DataConfig, bands: list[int]) -> None:
    chosen = replace(data, bands=bands)
    assert audit_errors(chosen) == {}
    reference = usable_references(chosen)[0]["test"][0]
    predicted = read_picture(reference.image, bands).pixels
    trained = np.asarray(open_image(reference.image, "RGB", bands=bands))
    assert np.array_equal(predicted, trained)
    assert reference.mask.read().shape == header_size(reference.image) == (30, 40)
    first = image_reader([reference.image], 16, chosen)(reference.image)
    other = image_reader([reference.image], 16, replace(data, bands=[1, 2, 3]))(reference.image)
    assert not np.array_equal(first, other), "kept apart on disk"


def test_without_bands_files_that_do_not_say_are_errors_as_ever(data: DataConfig) -> None:
    errors = audit_errors(data)
    assert len(errors) == 3
    assert "has 5 bands" in errors[min(errors)]
    assert audit_errors(replace(data, bands=[4, 3, 2])) == {}, "remembered apart"


def test_a_band_that_is_not_there_names_file_and_number(data: DataConfig, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        usable_references(replace(data, bands=[6, 3, 2]))
    assert f"{tmp_path / '0.tif'}: has 5 bands; asked for is bands=[6,3,2]" in caught.value.what
    assert f"data.file={data.file} 'data.bands=[6,3,2]'" in caught.value.remedy
    with pytest.raises(DataError, match="has 5 bands"):
        open_image(tmp_path / "0.tif", "RGB", bands=(6, 3, 2))


def test_a_fourth_band_called_alpha_is_data_where_it_is_chosen(write: Write) -> None:
    """Many programs write it so, and near infrared of 0 is no hole."""
    bands = BANDS[:4].astype(np.uint8)
    bands[3, :5] = 0
    path = write(bands, alpha="yes")
    with rasterio.open(path) as file:
        assert file.colorinterp[3].name == "alpha"
    picture = read_picture(path, (4, 3, 2))
    assert picture.valid.all()
    assert np.array_equal(picture.pixels[..., 0], bands[3])
    assert not read_picture(path, (1, 2, 3)).valid[:5].any()


def test_no_data_count_where_alpha_is_chosen(write: Write) -> None:
    bands = BANDS[:4].astype(np.uint8) | 1
    bands[:, :5] = 0
    picture = read_picture(write(bands, alpha="yes", nodata=0), (4, 3, 2))
    assert not picture.valid[:5].any()
    assert picture.valid[5:].all()


def test_the_audit_speaks_of_the_bands(data: DataConfig, tmp_path: Path, monkeypatch, capsys) -> None:
    words = ["data=manifest", f"data.file={data.file}", f"data.cache={tmp_path / 'c'}", "data.bands=[4,3,2]"]
    monkeypatch.setattr(sys, "argv", ["check", *words])
    assert check.main() == 0
    assert "set (data.file=" in capsys.readouterr().out
