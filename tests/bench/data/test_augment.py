"""Black boxes depend on (seed, epoch, index) alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bench.data.augment import erase_boxes


def white(count: int, size: int = 48) -> torch.Tensor:
    return torch.full((count, 3, size, size), 255, dtype=torch.uint8)


def erased(
    indices: list[int], share: float = 1.0, seed: int = 0, epoch: int = 0, size: int = 48
) -> torch.Tensor:
    return erase_boxes(white(len(indices), size), torch.tensor(indices), share=share, seed=seed, epoch=epoch)


@given(
    indices=st.lists(st.integers(0, 20_000), min_size=1, max_size=5),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 60),
)
@settings(max_examples=30, deadline=None)
def test_an_image_gets_the_same_boxes_in_any_batch(indices: list[int], seed: int, epoch: int) -> None:
    together = erased(indices, 0.5, seed, epoch)
    alone = torch.cat([erased([index], 0.5, seed, epoch) for index in indices])
    assert torch.equal(together, alone)


def test_a_fixed_share_of_references_gets_boxes_in_every_epoch() -> None:
    def chosen(seed: int, epoch: int) -> set[int]:
        changed = (erased(list(range(2000)), 0.2, seed, epoch, size=15) == 0).flatten(1).any(1)
        return set(changed.nonzero().flatten().tolist())

    assert 0.17 < len(chosen(0, 0)) / 2000 < 0.23
    assert chosen(0, 0) == chosen(0, 7)
    assert chosen(0, 0) != chosen(1, 0)


def test_boxes_are_redrawn_each_epoch_and_by_each_seed() -> None:
    assert not torch.equal(erased([3], epoch=0), erased([3], epoch=1))
    assert not torch.equal(erased([3], seed=0), erased([3], seed=1))
    assert torch.equal(erased([3]), erased([3]))


def test_boxes_are_black_squares_of_the_published_size() -> None:
    sizes = set()
    for index in range(5):
        image = erased([index], size=480)[0]
        assert set(image.unique().tolist()) == {0, 255}
        assert torch.equal(image[0], image[1])
        assert torch.equal(image[0], image[2])
        black = (image[0] == 0).numpy()
        assert np.array_equal(
            ndimage.binary_opening(black, np.ones((32, 32))), black
        )  # made of 32 x 32 squares
        assert 20 / 3 * 32 * 32 < black.sum() <= 60 * 32 * 32
        sizes.add(int(black.sum()))
    assert len(sizes) == 5


def test_nothing_is_touched_without_a_share() -> None:
    images = white(4)
    assert erase_boxes(images, torch.arange(4), share=0.0, seed=0, epoch=0) is images
    erase_boxes(images, torch.arange(4), share=1.0, seed=0, epoch=0)
    assert (images == 255).all()


@pytest.mark.benchmark
def test_speed_of_a_paper_batch(benchmark) -> None:
    images, indices = white(8, 480), torch.arange(8)
    benchmark(lambda: erase_boxes(images, indices, share=0.2, seed=0, epoch=0))
