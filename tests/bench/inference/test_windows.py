"""Windows over a scene: every pixel is covered, and what windows count in it sums to one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.inference.windows import shares, starts

LENGTHS = st.integers(1, 3000)
SIDES = st.integers(16, 700)
OVERLAPS = st.floats(0, 0.9)


@given(LENGTHS, SIDES, OVERLAPS)
def test_windows_cover_every_pixel_and_overlap_as_asked(length: int, side: int, overlap: float) -> None:
    begins = starts(length, side, overlap)
    covered = np.zeros(max(length, side), int)
    for begin in begins:
        covered[begin : begin + side] += 1
    assert covered.min() >= 1
    assert begins[0] == 0
    assert begins[-1] + side == max(length, side)
    shared = [side - (after - before) for before, after in pairwise(begins)]
    assert all(each >= np.floor(overlap * side) for each in shared)


@given(LENGTHS, SIDES, OVERLAPS)
def test_weights_of_all_windows_sum_to_one(length: int, side: int, overlap: float) -> None:
    begins = starts(length, side, overlap)
    total = np.zeros(max(length, side))
    for begin, share in zip(begins, shares(begins, side), strict=True):
        assert (share > 0).all()
        total[begin : begin + side] += share
    assert np.allclose(total, 1, atol=1e-12)


def test_one_window_counts_whole() -> None:
    assert starts(480, 480, 0.25) == [0]
    assert (shares([0], 480)[0] == 1).all()


def test_next_window_takes_over_smoothly() -> None:
    first, second = shares([0, 75], 100)
    assert (first[:75] == 1).all()
    assert (np.diff(first[75:]) < 0).all()
    assert first[75:] + second[:25] == pytest.approx(1)
    assert abs(np.diff(first)).max() < 0.1
