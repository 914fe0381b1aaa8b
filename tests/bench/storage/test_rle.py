"""Run-length masks, against pycocotools and plain numpy."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from bench.storage import rle
from bench.terminal.errors import DataError

masks = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))


def encode(mask: np.ndarray) -> bytes:
    return coco.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"]


@given(masks)
def test_what_pycocotools_encodes_is_read_back(mask: np.ndarray) -> None:
    assert np.array_equal(rle.decode(encode(mask), mask.shape), mask)


@given(masks)
def test_runs_are_the_lengths_of_equal_pixels_down_the_columns(mask: np.ndarray) -> None:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flat)).astype(int)))
    lengths = np.diff(np.concatenate(([0], edges, [flat.size])))
    assert rle.runs(encode(mask)).tolist() == lengths.tolist()


def test_long_runs_of_a_large_image_are_read() -> None:
    mask = np.zeros((3000, 4000), dtype=bool)
    mask[2900:, 3900:] = True
    assert np.array_equal(rle.decode(encode(mask), mask.shape), mask)


@given(st.binary(max_size=60), st.integers(0, 9), st.integers(0, 9))
def test_any_bytes_give_a_whole_mask_or_a_data_error(counts: bytes, height: int, width: int) -> None:
    with contextlib.suppress(DataError):
        assert rle.decode(counts, (height, width)).shape == (height, width)


@pytest.mark.parametrize(
    "spoil", [lambda c: b"", lambda c: c[:-2], lambda c: c + b"5", lambda c: b"\xff" + c, lambda c: b"o" * 30]
)
def test_counts_that_do_not_fill_the_mask_are_refused(spoil) -> None:
    mask = np.zeros((20, 20), dtype=bool)
    mask[3:9, 4:10] = True
    with pytest.raises(DataError):
        rle.decode(spoil(encode(mask)), mask.shape)
