"""The losses against formulas written out, on values where they are known."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.training.losses import LOSSES, cross_entropy, dice, edge, segmentation_loss


def sure(target: torch.Tensor) -> torch.Tensor:
    """Logits that leave no doubt about `target`."""
    return 60 * torch.nn.functional.one_hot(target, 2).movedim(-1, 1).float()


def test_perfect_prediction_costs_nothing() -> None:
    target = torch.randint(0, 2, (3, 8, 8))
    for name in LOSSES:
        assert segmentation_loss(sure(target), target, name).item() == pytest.approx(0, abs=1e-5)


def test_opposite_prediction_costs_one_dice_per_sample_and_class() -> None:
    target = torch.randint(0, 2, (3, 8, 8))
    assert dice(sure(1 - target), target, "sum").item() == pytest.approx(6, abs=1e-4)
    assert dice(sure(1 - target), target, "mean").item() == pytest.approx(1, abs=1e-4)


def test_undecided_prediction_costs_log_two_whatever_the_class_weights() -> None:
    target = torch.randint(0, 2, (2, 5, 7))
    assert cross_entropy(torch.zeros(2, 2, 5, 7), target).item() == pytest.approx(math.log(2))


def test_referent_pixels_weigh_more_than_background() -> None:
    target = torch.zeros(1, 1, 2, dtype=torch.int64)
    target[..., 0] = 1
    miss_referent = torch.tensor([[[[3.0, 3.0]], [[0.0, 0.0]]]])
    assert cross_entropy(miss_referent, target) > cross_entropy(-miss_referent, target)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 10_000))
def test_recipe_is_nine_parts_cross_entropy_and_one_part_dice(samples: int, side: int, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(samples, 2, side, side, generator=draw)
    target = torch.randint(0, 2, (samples, side, side), generator=draw)
    p, q = logits.softmax(1)[:, 1], target.float()
    terms = [
        1 - (2 * (a * b).sum((1, 2)) + 1e-6) / ((a + b).sum((1, 2)) + 1e-6)
        for a, b in ((p, q), (1 - p, 1 - q))
    ]
    expected = 0.9 * cross_entropy(logits, target) + 0.1 * torch.stack(terms).sum()
    torch.testing.assert_close(segmentation_loss(logits, target, "ce_dice"), expected)
    mean = 0.9 * cross_entropy(logits, target) + 0.1 * torch.stack(terms).mean()
    torch.testing.assert_close(segmentation_loss(logits, target, "ce_dice", dice="mean"), mean)


def test_losses_are_computed_in_float32_under_autocast() -> None:
    logits, target = torch.randn(2, 2, 32, 32), torch.randint(0, 2, (2, 32, 32)).to(torch.uint8)
    exact = segmentation_loss(logits.bfloat16().float(), target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = segmentation_loss(logits.bfloat16(), target)
    assert mixed.dtype is torch.float32
    torch.testing.assert_close(mixed, exact)


def test_the_loss_near_outlines_sees_nothing_of_what_lies_far_from_them() -> None:
    target = torch.zeros(1, 32, 32, dtype=torch.int64)
    target[:, 8:24, 8:24] = 1
    logits = sure(target)
    far, near = logits.clone(), logits.clone()
    far[:, :, 16, 16] = far[:, :, 16, 16].flip(1)  # the middle of the referent
    near[:, :, 8, 16] = near[:, :, 8, 16].flip(1)  # its first row
    assert edge(logits, target).item() == pytest.approx(0, abs=1e-5)
    assert edge(far, target).item() == pytest.approx(0, abs=1e-5)
    assert edge(near, target).item() > 0.1


def test_a_sample_without_an_outline_costs_nothing_near_it() -> None:
    for level in (0, 1):
        target = torch.full((1, 8, 8), level)
        assert edge(sure(1 - target), target).item() == 0
