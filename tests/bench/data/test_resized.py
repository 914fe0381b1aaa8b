"""Resized images are what the papers' transforms make, from the file or from the cache."""

import multiprocessing
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from torchvision.transforms import functional as transforms

from bench.config.schema import DataConfig
from bench.data.resized import DirectReader, MappedReader, image_reader
from bench.images.read import open_image
from bench.images.resize import read_resized, resize_mask
from bench.terminal.errors import DataError


def paths_of(rrsisd) -> list[Path]:
    return sorted(rrsisd.images.glob("*.jpg"))


def test_images_are_resized_as_torchvision_resizes_pillow_images(rrsisd) -> None:
    path = paths_of(rrsisd)[0]
    with Image.open(path) as image:
        expected = np.asarray(transforms.resize(image.convert("RGB"), [24, 24]))
    assert np.array_equal(read_resized(path, 24), expected.transpose(2, 0, 1))


@given(arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=50)), st.integers(1, 40))
def test_masks_are_resized_as_torchvision_resizes_pillow_images(mask: np.ndarray, size: int) -> None:
    nearest = transforms.InterpolationMode.NEAREST
    expected = np.asarray(transforms.resize(Image.fromarray(mask.astype(np.uint8)), [size, size], nearest))
    found = resize_mask(mask, size)
    assert np.array_equal(found, expected)
    assert np.array_equal(resize_mask(np.asfortranarray(mask), size), found)


def test_published_mask_size_is_resized_exactly() -> None:
    mask = np.random.default_rng(0).random((800, 800)) < 0.5
    expected = Image.fromarray(mask.astype(np.uint8)).resize((480, 480), Image.Resampling.NEAREST)
    assert np.array_equal(resize_mask(mask, 480), np.asarray(expected))


def test_cached_images_are_the_same_bytes(rrsisd) -> None:
    cached, direct = image_reader(paths_of(rrsisd), 24, rrsisd.data), DirectReader(24)
    assert isinstance(cached, MappedReader)
    for path in paths_of(rrsisd):
        assert np.array_equal(cached(path), direct(path))
        assert cached(path).flags.writeable


def test_images_too_large_together_are_not_cached(rrsisd) -> None:
    assert isinstance(image_reader(paths_of(rrsisd), 600, replace(rrsisd.data, cache_mb=1)), DirectReader)
    assert isinstance(image_reader(paths_of(rrsisd), 24, replace(rrsisd.data, cache_mb=0)), DirectReader)


def test_cache_follows_content_not_names(rrsisd) -> None:
    paths = paths_of(rrsisd)
    paths[1].write_bytes(paths[0].read_bytes())
    reader = image_reader(paths, 24, rrsisd.data)
    assert isinstance(reader, MappedReader)
    assert len(reader.pixels) == len(paths) - 1
    Image.new("RGB", (10, 10), "red").save(paths[0], quality=95)
    changed = image_reader(paths, 24, rrsisd.data)
    assert np.array_equal(changed(paths[0]), read_resized(paths[0], 24))
    assert np.array_equal(reader(paths[0]), changed(paths[1]))


def test_cached_reader_goes_to_another_process_without_its_pixels(rrsisd) -> None:
    reader = image_reader(paths_of(rrsisd), 100, rrsisd.data)
    sent = pickle.dumps(reader)
    assert len(sent) < 5_000
    path = paths_of(rrsisd)[0]
    assert np.array_equal(pickle.loads(sent)(path), reader(path))


def read_in_child(path: str, root: str, cache: str) -> bytes:
    return image_reader([Path(path)], 64, DataConfig(root=root, cache=cache))(Path(path)).tobytes()


def test_processes_that_start_at_once_agree_and_leave_one_file(rrsisd) -> None:
    path = paths_of(rrsisd)[0]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.starmap(read_in_child, [(str(path), rrsisd.data.root, rrsisd.data.cache)] * 4)
    assert set(results) == {read_resized(path, 64).tobytes()}
    assert len(list(Path(rrsisd.data.cache).glob("images/*.npy"))) == 1


def test_killed_while_building_leaves_no_cache_that_is_taken_for_whole(rrsisd, monkeypatch) -> None:
    monkeypatch.setattr(
        "bench.data.resized.os.replace", lambda *paths: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        image_reader(paths_of(rrsisd), 24, rrsisd.data)
    assert not list(Path(rrsisd.data.cache).glob("images/*.npy"))
    monkeypatch.undo()
    assert isinstance(image_reader(paths_of(rrsisd), 24, rrsisd.data), MappedReader)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_images_of_any_colour_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (8, 6), "white").convert(mode).save(tmp_path / "x.tif")
    assert read_resized(tmp_path / "x.tif", 4).shape == (3, 4, 4)
    assert (read_resized(tmp_path / "x.tif", 4) == 255).all()


@pytest.mark.parametrize("content", [None, b"", b"no image", "cut"])
def test_damaged_images_are_data_errors_that_name_the_file(rrsisd, content) -> None:
    path = paths_of(rrsisd)[0]
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(DataError, match=r"00000\.jpg: "):
        open_image(path, "RGB")
