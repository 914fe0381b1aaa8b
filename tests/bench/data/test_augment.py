"""Black boxes: which references get them, how many, how large, and that (seed, epoch, index) alone decide."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.data.augment import corners, erase_boxes, references_to_erase, without_boxes
from bench.images.resize import resize_levels, resized

ALL = frozenset(range(20_001))


def white(count: int, size: int = 48) -> torch.Tensor:
    return torch.full((count, 3, size, size), 255, dtype=torch.uint8)


def erased(
    indices: list[int], chosen: frozenset[int] = ALL, seed: int = 0, epoch: int = 0, size: int = 48
) -> torch.Tensor:
    return erase_boxes(
        white(len(indices), size), torch.tensor(indices), chosen=chosen, seed=seed, epoch=epoch
    )


def drawing(seed: int) -> np.ndarray:
    return corners(np.random.default_rng(seed))


@given(
    indices=st.lists(st.integers(0, 20_000), min_size=1, max_size=5),
    seed=st.integers(0, 9),
    epoch=st.integers(0, 60),
)
@settings(max_examples=30, deadline=None)
def test_an_image_gets_the_same_bytes_in_any_batch(indices: list[int], seed: int, epoch: int) -> None:
    half = frozenset(range(0, 20_001, 2))
    together = erased(indices, half, seed, epoch)
    alone = torch.cat([erased([index], half, seed, epoch) for index in indices])
    assert torch.equal(together, alone)


@pytest.mark.parametrize(("count", "expected"), [(12_181, 2436), (2172, 434), (10, 2), (4, 0), (5, 1)])
def test_an_exact_fifth_of_the_references_gets_boxes(count: int, expected: int) -> None:
    chosen = references_to_erase(count, 0.2, seed=0)
    assert len(chosen) == expected
    assert chosen <= set(range(count))


def test_the_fifth_is_drawn_once_by_the_seed_and_holds_in_every_epoch() -> None:
    chosen = references_to_erase(400, 0.2, seed=0)
    assert chosen == references_to_erase(400, 0.2, seed=0)
    assert chosen != references_to_erase(400, 0.2, seed=1)
    for epoch in (0, 7):
        changed = (erased(list(range(400)), chosen, epoch=epoch, size=15) < 255).flatten(1).any(1)
        assert set(changed.nonzero().flatten().tolist()) == chosen


def test_every_place_of_the_training_set_is_as_likely_to_be_chosen() -> None:
    often = np.zeros(50)
    for seed in range(500):
        often[list(references_to_erase(50, 0.2, seed))] += 1
    assert abs(often / 500 - 0.2).max() < 0.08  # over four standard errors


def test_boxes_are_redrawn_each_epoch_and_by_each_seed() -> None:
    assert not torch.equal(erased([3], epoch=0), erased([3], epoch=1))
    assert not torch.equal(erased([3], seed=0), erased([3], seed=1))
    assert torch.equal(erased([3]), erased([3]))


def test_their_number_is_uniform_from_20_to_60_both_ends_included() -> None:
    counts = np.bincount([len(drawing(seed)) for seed in range(4100)], minlength=61)
    assert len(counts) == 61
    assert counts[:20].sum() == 0
    assert (counts[20:] > 0).all()
    assert ((counts[20:] - 100) ** 2 / 100).sum() < 73.4  # chi-squared of 40 degrees of freedom, 99.9 %


def test_boxes_lie_wholly_inside_and_reach_every_edge() -> None:
    drawn = np.concatenate([drawing(seed) for seed in range(300)])
    assert (drawn.min(axis=0).tolist(), drawn.max(axis=0).tolist()) == ([0, 0], [768, 768])
    assert drawn.max() + 32 == 800


def test_a_box_is_a_square_of_4_percent_of_the_width() -> None:
    kept = without_boxes(np.array([[99, 40]]))
    assert kept.shape == (800, 800)
    rows, columns = np.nonzero(kept == 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (99, 130, 40, 71)
    assert len(rows) == (0.04 * 800) ** 2
    assert set(np.unique(kept)) == {0, 255}


def test_at_480_px_a_box_is_19_2_px_wide_with_soft_edges() -> None:
    levels = resize_levels(without_boxes(np.array([[99, 40]])), 480)
    assert ((255 - levels.astype(float)).sum() / 255) ** 0.5 == pytest.approx(19.2, abs=0.05)
    image = erased([3], size=480)[0]
    assert torch.equal(image[0], image[1])
    assert torch.equal(image[0], image[2])
    assert (image[0] == 0).any()
    assert 0 < ((image[0] > 0) & (image[0] < 255)).float().mean() < 0.1


def test_erased_images_are_those_of_boxes_drawn_before_the_resize() -> None:
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (100, 100, 3), dtype=np.uint8))
    raw = np.asarray(coarse.resize((800, 800), Image.Resampling.BICUBIC))
    kept = without_boxes(corners(np.random.default_rng((0, 3, 0))))
    published = resized(Image.fromarray(np.where(kept[..., None] == 0, 0, raw).astype(np.uint8)), 480)
    before = torch.from_numpy(resized(Image.fromarray(raw), 480))[None]
    ours = erase_boxes(before, torch.tensor([3]), chosen=ALL, seed=0, epoch=0)[0].numpy()
    difference = np.abs(ours.astype(int) - published)
    print(f"\ngrey levels off by {difference.mean():.3f} on average, {difference.max()} at most")
    assert difference.mean() < 0.2
    assert difference.max() <= 24  # on edges, where the image changes within the reach of the filter


def test_nothing_is_touched_without_a_share() -> None:
    images = white(4)
    none = references_to_erase(4, 0.0, seed=0)
    assert erase_boxes(images, torch.arange(4), chosen=none, seed=0, epoch=0) is images
    erase_boxes(images, torch.arange(4), chosen=ALL, seed=0, epoch=0)
    assert (images == 255).all()
