"""Connected parts of a mask in strips: the same as of the whole mask."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bench.inference.parts import PartFinder, find_parts


@settings(deadline=None)  # SciPy loads its graphs late
@given(st.integers(0, 2**32), st.lists(st.integers(1, 20), max_size=4))
def test_strips_give_the_parts_of_the_whole(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 21, 2)) < rng.random()
    probability = rng.random(mask.shape)
    ends = sorted({0, *(cut for cut in cuts if cut < len(mask)), len(mask)})
    strips = [slice(*each) for each in pairwise(ends)]
    finder = PartFinder()
    for strip in strips:
        finder.add(mask[strip], probability[strip])
    parts = finder.parts()
    labels = np.concatenate([*parts.labels(mask[strip] for strip in strips)])
    expected, count = ndimage.label(mask)
    assert len(parts) == count
    assert np.array_equal(labels > 0, mask)
    assert len({*zip(labels[mask].tolist(), expected[mask].tolist(), strict=True)}) == count
    for number, place in enumerate(ndimage.find_objects(labels)):
        here = labels == number + 1
        rows, columns = place
        assert parts.pixels[number] == here.sum()
        assert np.isclose(parts.probability[number], probability[here].mean())
        assert parts.boxes[number].tolist() == [columns.start, rows.start, columns.stop, rows.stop]


def test_only_the_kept_parts_have_labels() -> None:
    mask = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0]], bool)
    parts = find_parts(mask, np.ones(mask.shape)).only([1, 2])
    (labels,) = parts.labels([mask])
    assert labels.tolist() == [[0, 0, 1], [0, 0, 1], [2, 0, 0]]
    assert parts.pixels.tolist() == [2, 1]


def test_empty_mask_has_no_parts() -> None:
    parts = find_parts(np.zeros((3, 4), bool), np.zeros((3, 4)))
    assert (len(parts), parts.mean_probability()) == (0, None)
    assert len(parts.only([])) == 0
