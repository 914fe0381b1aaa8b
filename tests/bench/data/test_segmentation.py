"""Masks from whatever a file says: numbers that would crash C code never reach it."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from bench.data.segmentation import checked, compressed
from bench.storage import rle
from bench.terminal.errors import DataError

SIZE = (30, 40)
CRASHING = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
from bench.data.segmentation import checked
from bench.terminal.errors import DataError
nan, inf = float("nan"), float("inf")
for segmentation, height, width in [
    ([[0, 0, 2e8, 3.5e8, 20, 22]], 30, 40),
    ([[0, 0, nan, 5, 20, 22]], 30, 40),
    ([[0, 0, inf, 5, 20, 22]], 30, 40),
    ([[0, 0, -1e300, 5, 20, 22]], 30, 40),
    ([[0, 0, 10**400, 5, 20, 22]], 30, 40),
    ([[0, 0, 4000, 4000] * 4000], 30, 40),
    ([[0, 0, 5, 5, 20, 22]], 10**9, 10**9),
    ([[0, 0, 5, 5, 20, 22]], 0, 40),
    ([[0, 0, 5, 5, 20, 22]], -30, 40),
    ({"size": [30, 40], "counts": [-5, 1205]}, 30, 40),
    ({"size": [30, 40], "counts": [2**40, 1200]}, 30, 40),
    ({"size": [30, 40], "counts": [0.5, 1199.5]}, 30, 40),
    ({"size": [30, 40], "counts": [nan, 1200]}, 30, 40),
    ({"size": [10**9, 10**9], "counts": [10**18]}, 30, 40),
    ({"size": [-30, -40], "counts": [1200]}, 30, 40),
    ({"size": [30, 40], "counts": "oooooooo7"}, 30, 40),
]:
    try:
        checked(segmentation, height, width)
    except DataError as error:
        print(error)
"""


def test_numbers_that_crash_the_rasteriser_are_refused_one_by_one() -> None:
    done = subprocess.run([sys.executable, "-c", CRASHING], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 16
    assert "far outside" in done.stdout


@pytest.mark.parametrize("outline", [[-10, 10, 20, 10, 20, 22, -10, 22], [0, 10, 20, 10, 20, 22.0, 0, 22]])
def test_an_outline_that_sticks_out_is_clipped(outline: list[float]) -> None:
    inside = np.zeros(SIZE, bool)
    inside[10:22, :20] = True
    made = compressed([outline], *SIZE)
    assert np.array_equal(rle.decode(made["counts"], SIZE), inside)


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([], "no outline"),
        (None, "None"),
        ("x", "'x'"),
        ([[1, 2, 3, 4]], "three or more points"),
        ([[1, 2, "3", 4, 5, 6]], "'3' among its numbers"),
        ([[1, 2, True, 4, 5, 6]], "True among its numbers"),
        ({"size": [9, 9], "counts": [81]}, "is not the image's"),
        ({"size": 9, "counts": [81]}, "its size is 9"),
        ({"size": [30, 40]}, "counts are None"),
        ({"size": [30, 40], "counts": "1"}, "runs cover"),
    ],
)
def test_what_is_wrong_is_said(segmentation: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        checked(segmentation, *SIZE)


def test_a_mask_larger_than_any_image_is_not_decoded() -> None:
    with pytest.raises(DataError, match="more than any image"):
        rle.decode(b"0", (10**9, 10**9))


def test_one_polygon_out_of_this_world_spoils_its_own_reference_alone(rrsisd) -> None:
    rrsisd.instances["annotations"][0]["segmentation"] = [[0, 0, 2e8, 3.5e8, 20, 22]]
    rrsisd.write()
    from bench.data.index import read_index

    first, second, *_ = read_index(rrsisd.data).references
    with pytest.raises(DataError, match="far outside"):
        first.mask.read()
    assert second.mask.read().any()
