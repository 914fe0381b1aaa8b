"""RMSIN (CVPR 2024): intra-scale interaction, its fusion, and cross-scale interaction (CIM), its neck.

The adaptive rotated convolution of its decoder is in `baselines.rotated`.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.lavt import PWAMFusion
from fianet.attention import Gated
from fianet.text import Reader, Sentence
from fianet.tmem import CrossScale


def _conv_bn(kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 1, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(1))


class RepSum(nn.Module):
    """Three readings of a one-channel map, summed: at the point, around it, and the map itself."""

    def __init__(self) -> None:
        super().__init__()
        self.point = _conv_bn(1)
        self.around = nn.Sequential(_conv_bn(1), _conv_bn(3))
        self.identity = nn.BatchNorm2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """x (B,1,H,W) -> (B,1,H,W)."""
        return self.point(x) + self.around(x) + self.identity(x)


class VisualGate(nn.Module):
    """x weighted by where it is active, gated (sec. 3.2)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.where = nn.Sequential(RepSum(), nn.ReLU(), RepSum(), nn.Sigmoid())
        self.gated = Gated(channels)

    def forward(self, x: Tensor) -> Tensor:
        """x (B,H,W,C) -> (B,H,W,C)."""
        weight = self.where(x.mean(dim=-1)[:, None]).permute(0, 2, 3, 1)
        return self.gated(x * weight)


class IntraScaleFusion(PWAMFusion):
    """LAVT's fusion plus a gated visual residual: next = x + gate(r)*r + gate'(v)*v, map = r.

    Args:
        channels: Width of the stage.
        words: Width of the word features.
        heads: Attention heads.
        dropout: Inside PWAM.
    """

    def __init__(self, channels: int, words: int, heads: int, dropout: float) -> None:
        super().__init__(channels, words, heads, dropout)
        self.visual = VisualGate(channels)

    def forward(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """x (B,H,W,C) -> features for the next stage, map for the decoder, both (B,H,W,C)."""
        fused, r = super().forward(x, sentence)
        return fused + self.visual(x), r


class ConvFeedForward(nn.Module):
    """conv1x1 to twice the width, grouped 3x3, ReLU6, conv1x1 back; batch norms before the first two."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = 2 * channels
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, hidden, kernel_size=1)
        self.bn2 = nn.BatchNorm2d(hidden)
        self.conv2 = nn.Conv2d(hidden, hidden, kernel_size=3, padding=1, groups=channels)
        self.conv3 = nn.Conv2d(hidden, channels, kernel_size=1)

    def forward(self, u: Tensor) -> Tensor:
        """u (B,C,h,w) -> (B,C,h,w)."""
        return self.conv3(F.relu6(self.conv2(self.bn2(self.conv1(self.bn1(u))))))


class TokenAttention(nn.Module):
    """Attention over the tokens of three resolutions, brought back to the positions of the first.

    Two raw reshapes, published so and part of what the weights mean: the values of the first tokens are laid
    out as a map without putting channels first, and the attended tokens are cut into rows of T numbers
    whatever their heads. The matrix that mixes a row makes the module good for one map size only.

    Args:
        channels: Width of the tokens.
        size: Height and width of the finest resolution's map.
        tokens: Tokens of all three resolutions together.
    """

    HEADS, KEY, VALUE = 8, 32, 64

    def __init__(self, channels: int, size: tuple[int, int], tokens: int) -> None:
        super().__init__()
        inner = self.HEADS * self.VALUE
        self.size = size
        self.qkv = nn.Linear(channels, self.HEADS * (2 * self.KEY + self.VALUE), bias=False)
        self.bn = nn.BatchNorm1d(self.HEADS * (2 * self.KEY + self.VALUE))
        self.local = nn.Conv2d(inner, inner, kernel_size=3, padding=1, groups=inner)
        self.mix = nn.Linear(tokens, size[0] * size[1])
        self.out = nn.Linear(inner, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B,T,C), those of the finest resolution first -> (B,C,h,w)."""
        samples, count = tokens.shape[:2]
        qkv = self.bn(self.qkv(tokens).flatten(0, 1)).unflatten(0, (samples, count))
        heads = qkv.unflatten(-1, (self.HEADS, -1)).transpose(1, 2)
        query, key, value = heads.split((self.KEY, self.KEY, self.VALUE), dim=-1)
        height, width = self.size
        finest = value[:, :, : height * width].reshape(samples, -1, height, width)
        local = self.local(F.hardswish(finest)).flatten(2)
        attended = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        mixed = self.mix(attended.reshape(samples, -1, count))
        return self.out((local + mixed).transpose(1, 2)).transpose(1, 2).unflatten(2, self.size)


class CrossScaleAttention(nn.Module):
    """u -> attention over u and two coarser readings of it (the paper's CSA)."""

    def __init__(self, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels)
        self.by2 = self._coarser(channels, kernel=3, stride=2)
        self.by3 = self._coarser(channels, kernel=5, stride=3)
        tokens = sum(-(-size[0] // step) * -(-size[1] // step) for step in (1, 2, 3))
        self.attention = TokenAttention(channels, size, tokens)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, kernel_size=1)

    @staticmethod
    def _coarser(channels: int, kernel: int, stride: int) -> nn.Sequential:
        convolution = nn.Conv2d(channels, channels, kernel, stride, padding=kernel // 2, groups=channels)
        return nn.Sequential(convolution, nn.BatchNorm2d(channels))

    def forward(self, u: Tensor) -> Tensor:
        """u (B,C,h,w) -> (B,C,h,w)."""
        u = self.bn1(u)
        tokens = torch.cat([each.flatten(2) for each in (u, self.by2(u), self.by3(u))], dim=2)
        return self.conv(F.hardswish(self.bn2(self.attention(tokens.transpose(1, 2)))))


class CIMBlock(Reader):
    """Across scales, within each scale, across scales, over all channels (sec. 3.3). Reads no words.

    Args:
        channels: Channels of each map.
        image: Height and width of the images the block is for.
    """

    def __init__(self, channels: Sequence[int], image: tuple[int, int]) -> None:
        super().__init__()
        self.image = image
        self.size = (-(-image[0] // 32), -(-image[1] // 32))
        widths = [each // 4 for each in channels]
        total = sum(channels) // 4
        if sum(widths) != total:
            raise ValueError(
                f"model.neck=cim: {channels[0]} channels do not divide by 4.\n"
                "Pass a multiple of 4 as model.encoder.embed_dim, or another backbone."
            )
        self.widths = widths
        self.across1 = CrossScaleAttention(total, self.size)
        self.within = nn.ModuleList(ConvFeedForward(width) for width in widths)
        self.across2 = CrossScaleAttention(total, self.size)
        self.feed_forward = ConvFeedForward(total)

    def forward(self, u: Tensor, sentence: Sentence) -> Tensor:
        """u (B,D/4,h,w), the pooled maps -> the same shape."""
        if tuple(u.shape[-2:]) != self.size:
            raise ValueError(
                f"model.neck=cim: built for {self.image[0]}x{self.image[1]} images (map "
                f"{self.size[0]}x{self.size[1]}), got a map of {u.shape[-2]}x{u.shape[-1]}.\n"
                "Resize the images, or train a CIM for this size (released weights are for 480x480 only)."
            )
        u = u + self.across1(u)
        parts = u.split(self.widths, dim=1)
        u = u + torch.cat([part + mix(part) for mix, part in zip(self.within, parts, strict=True)], dim=1)
        u = u + self.across2(u)
        return u + self.feed_forward(u)


def cim(channels: Sequence[int], image: tuple[int, int]) -> CrossScale:
    """RMSIN's neck for images of one size."""
    return CrossScale(channels, CIMBlock(channels, image))
