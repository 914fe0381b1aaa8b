"""TMEM: text-aware multi-scale enhancement, FIANet's neck (TGRS 2025, sec. III-D)."""

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fianet.attention import ImageLanguageAttention
from fianet.text import Reader, Sentence


class ScaleAwareGate(nn.Module):
    """Lets coarse fused features reweight and shift one scale (RMSIN, CVPR 2024, sec. 3.3).

    local * hard_sigmoid(act) + coarse, the two coarse terms resized to the local map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.local = _conv_bn(channels)
        self.coarse = _conv_bn(channels)
        self.act = _conv_bn(channels)

    def forward(self, local: Tensor, coarse: Tensor) -> Tensor:
        """local (B,C,H,W), coarse (B,C,h,w) -> (B,C,H,W)."""
        resize = partial(F.interpolate, size=local.shape[-2:], mode="bilinear", align_corners=False)
        return self.local(local) * resize(F.hardsigmoid(self.act(coarse))) + resize(self.coarse(coarse))


def _conv_bn(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, channels, kernel_size=1), nn.BatchNorm2d(channels))


class CrossScale(Reader):
    """The frame TMEM and CIM share: pool all maps to the smallest, mix them, give each scale its part back.

    Args:
        channels: Channels of each map, finest first; D is their sum.
        mixer: What happens at width D/4 on the smallest map: (u (B,D/4,h,w), sentence) -> the same shape.
    """

    def __init__(self, channels: Sequence[int], mixer: Reader) -> None:
        super().__init__()
        total = sum(channels)
        self.phrases = mixer.phrases
        self.channels = list(channels)
        self.down = nn.Conv2d(total, total // 4, kernel_size=1)
        self.mixer = mixer
        self.bn = nn.BatchNorm2d(total // 4)
        self.up = nn.Conv2d(total // 4, total, kernel_size=1)
        self.gates = nn.ModuleList(ScaleAwareGate(width) for width in channels)

    def forward(self, maps: list[Tensor], sentence: Sentence) -> list[Tensor]:
        """Four maps (B,Ci,Hi,Wi), finest first -> four maps of the same shapes."""
        height, width = maps[-1].shape[-2:]
        pooled = torch.cat([F.adaptive_avg_pool2d(each, (height, width)) for each in maps], dim=1)
        mixed = self.up(self.bn(self.mixer(self.down(pooled), sentence)))
        parts = mixed.split(self.channels, dim=1)
        return [gate(each, part) for gate, each, part in zip(self.gates, maps, parts, strict=True)]


class ResidualCrossScale(CrossScale):
    """Adds what it finds to the maps in place of replacing them by it, and begins by adding nothing (ours).

    As published a map passes through fresh norms and gates on its way to the decoder, which a short training never
    makes up for.
    """

    def __init__(self, channels: Sequence[int], mixer: Reader) -> None:
        super().__init__(channels, mixer)
        for norm in self.gates.modules():
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.zeros_(norm.weight)

    def forward(self, maps: list[Tensor], sentence: Sentence) -> list[Tensor]:
        """Four maps (B,Ci,Hi,Wi), finest first -> four maps of the same shapes."""
        found = super().forward(maps, sentence)
        return [each + more for each, more in zip(maps, found, strict=True)]


class FeedForward(nn.Module):
    """u + FFN(LN(u)), hidden width doubled."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.net = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, u: Tensor, sentence: Sentence) -> Tensor:
        """u (B,P,C) -> (B,P,C)."""
        return u + self.net(self.norm(u))


class TextAwareBlock(nn.Module):
    """u + CA(LN(u), context), then the feed-forward: positions of the pooled map read the whole sentence."""

    def __init__(self, channels: int, words: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = ImageLanguageAttention(channels, words)
        self.feed_forward = FeedForward(channels)

    def forward(self, u: Tensor, sentence: Sentence) -> Tensor:
        """u (B,P,C) -> (B,P,C)."""
        return self.feed_forward(u + self.attention(self.norm(u), sentence["context"]), sentence)


class TokenBlocks(Reader):
    """Blocks over the positions of the pooled map.

    Args:
        make_block: Makes one block (u (B,P,C), sentence) -> (B,P,C).
        blocks: How many.
        phrases: What the blocks read.
    """

    def __init__(self, make_block: Callable[[], nn.Module], blocks: int, phrases: frozenset[str]) -> None:
        super().__init__()
        self.phrases = phrases
        self.blocks = nn.ModuleList(make_block() for _ in range(blocks))

    def forward(self, u: Tensor, sentence: Sentence) -> Tensor:
        """u (B,C,h,w) -> (B,C,h,w)."""
        height, width = u.shape[-2:]
        tokens = u.flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens, sentence)
        return tokens.unflatten(1, (height, width)).permute(0, 3, 1, 2)


def tmem(
    channels: Sequence[int], words: int, blocks: int, frame: type[CrossScale] = CrossScale
) -> CrossScale:
    """FIANet's neck: 1 block on RefSegRS, 3 on RRSIS-D."""
    width = sum(channels) // 4
    make_block = partial(TextAwareBlock, width, words)
    return frame(channels, TokenBlocks(make_block, blocks, phrases=frozenset({"context"})))


def blind_tmem(channels: Sequence[int], blocks: int) -> CrossScale:
    """TMEM with the attention to the words left out, for controls that must not see the sentence."""
    width = sum(channels) // 4
    return CrossScale(channels, TokenBlocks(partial(FeedForward, width), blocks, phrases=frozenset()))
