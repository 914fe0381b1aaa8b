"""What only LGCE has: two coarse maps mixed under a guide token."""

import pytest
import torch

from baselines.lgce import LGCE
from fianet.text import Phrase

CHANNELS = (16, 32, 64, 128)


def given() -> tuple[list[torch.Tensor], dict[str, Phrase]]:
    torch.manual_seed(0)
    maps = [
        torch.randn(2, channels, 24 // 2**index, 18 // 2**index) for index, channels in enumerate(CHANNELS)
    ]
    return maps, {"context": Phrase(torch.randn(2, 7, 20), torch.ones(2, 7, dtype=torch.int64))}


def test_finer_maps_pass_and_coarser_maps_change_with_the_sentence() -> None:
    maps, sentence = given()
    neck = LGCE(CHANNELS, words=20).eval()
    mixed = neck(maps, sentence)
    assert [each.shape for each in mixed] == [each.shape for each in maps]
    assert mixed[0] is maps[0]
    assert mixed[1] is maps[1]
    other = neck(maps, {"context": Phrase(-sentence["context"].features, sentence["context"].mask)})
    assert not torch.equal(mixed[2], other[2])
    assert not torch.equal(mixed[3], other[3])


def test_the_guide_reads_padding_too_as_published() -> None:
    maps, sentence = given()
    neck = LGCE(CHANNELS, words=20).eval()
    features = sentence["context"].features.clone()
    features[:, -1] = 0
    padded = Phrase(features, torch.ones(2, 7, dtype=torch.int64))
    assert not torch.equal(neck(maps, sentence)[3], neck(maps, {"context": padded})[3])


def test_channels_that_heads_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="16 heads do not divide 120 channels"):
        LGCE((15, 30, 64, 120), words=20)
