"""Predictions that cannot be written, or are ended: what is there is whole, and nothing else is there."""

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.images import read
from bench.images.picture import Place
from bench.inference import scene_files
from bench.inference.asked import Outlines, Tiling, VectorFormat
from bench.inference.geo import write_mask
from bench.inference.outputs import write_outlines
from bench.inference.parts import find_parts
from bench.inference.predict_files import Wanted, predict_files
from bench.inference.predictor import Predictor
from bench.storage.files import NotWritten
from tests.bench.inference.conftest import Predict, Run
from tests.bench.rasters import BOXES, geotiff, pixels, raster, scene

rasterio = pytest.importorskip("rasterio")


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


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can have more than 20 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(("tiling", "held"), [([], 10**6), (["tile=200"], 10**6), (["tile=200"], 0)])
def test_file_that_cannot_be_written_ends_the_command_and_is_no_fault_of_the_image(
    tiling: list[str],
    held: int,
    predict: Predict,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(read, "HELD", held)
    Path("in").mkdir()
    for name, side in (("a", 30), ("b", 300), ("c", 30)):
        raster(Path(f"in/{name}.tif"), pixels(side, side).transpose(2, 0, 1))
    with full_disk():
        assert predict("image=in", "text=the ship", "out=found", *tiling) == 2
    what, remedy = capsys.readouterr().err.strip().splitlines()
    assert what.startswith("found/b/")
    assert "space left" in remedy
    assert not [*Path("found").rglob(".*")], "no working files are left"
    assert not Path("found/c").exists()
    with rasterio.open("found/a/01-the-ship.mask.tif") as whole:
        assert whole.read(1).shape == (30, 30)


@pytest.mark.parametrize("kind", list(VectorFormat))
def test_full_disk_names_the_file_and_leaves_no_broken_one(
    kind: VectorFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(
        rasterio.transform.from_origin(499000, 5400000, 0.5, 0.5), rasterio.crs.CRS.from_epsg(32631)
    )
    mask = np.random.default_rng(0).random((200, 600)) > 0.5
    parts = find_parts(mask, np.ones(mask.shape))
    (labels,) = parts.labels([mask])
    with full_disk():
        with pytest.raises(NotWritten, match=r"^a\.mask\.tif: "):
            write_mask(Path("a.mask.tif"), mask, place)
        with pytest.raises((NotWritten, OSError)) as error:
            write_outlines(Path("a"), labels, mask, parts, place, "x", Outlines(kind))
    assert f"a.{kind}" in str(error.value)
    assert [*tmp_path.iterdir()] == []


def test_sigterm_ends_a_scene_tidily(
    predict: Predict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def terminate(*_: Any) -> None:
        assert [*Path("found").rglob(".*")], "working files are there"
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(read, "HELD", 0)
    monkeypatch.setattr(scene_files, "overlay", terminate)
    path = geotiff(tmp_path / "scene.tif", scene(100, 100, *BOXES))
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(SystemExit) as ended:
            predict(f"image={path}", "text=ship", "tile=auto", "out=found")
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN, "as it was"
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
    assert not [*Path("found").rglob(".*")]
    assert len([*Path("found").rglob("*.tif")]) == 2, "what was whole stays"
