"""FIAM: fine-grained image-text alignment, FIANet's fusion (TGRS 2025, sec. III-C), made of components."""

import torch
from torch import Tensor, nn

from fianet.attention import PWAM, Gated, ImageLanguageAttention, Norm, instance_norm
from fianet.text import Reader, Sentence

COORDINATES = 6  # of a position, as `coordinates` gives them


class ChannelModulation(nn.Module):
    """Weights in (0, 1) per channel, from the image alone (squeeze and excitation, ratio 8)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.excite = nn.Sequential(
            nn.Linear(channels, channels // 8), nn.ReLU(), nn.Linear(channels // 8, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """x (B,H,W,C) -> (B,1,1,C)."""
        return self.excite(x.mean(dim=(1, 2)))[:, None, None]


class ObjectBranch(nn.Module):
    """What the object words say at each position, gated."""

    def __init__(self, channels: int, words: int, heads: int, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.attention = ImageLanguageAttention(channels, words, heads, norm)
        self.gated = Gated(channels)

    def forward(self, x: Tensor, sentence: Sentence) -> Tensor:
        """x (B,H,W,C) -> (B,H,W,C)."""
        return self.gated(self.attention(x.flatten(1, 2), sentence["object"])).unflatten(1, x.shape[1:3])


class PositionBranch(nn.Module):
    """Where the position words point: one spatial weight in (0, 1) per position."""

    def __init__(self, channels: int, words: int, heads: int, norm: Norm = instance_norm) -> None:
        super().__init__()
        self.attention = ImageLanguageAttention(channels, words, heads, norm)
        self.conv = nn.Conv2d(2, 1, kernel_size=3, padding=1, bias=False)

    def forward(self, x: Tensor, sentence: Sentence) -> Tensor:
        """x (B,H,W,C) -> (B,H,W,1)."""
        where = self.attention(x.flatten(1, 2), sentence["position"]).unflatten(1, x.shape[1:3])
        summary = torch.stack((where.mean(dim=-1), where.amax(dim=-1)), dim=1)
        return torch.sigmoid(self.conv(summary)).permute(0, 2, 3, 1)


class PlacedBranch(PositionBranch):
    """Position words compared with where a position lies, beside what is there (ours)."""

    def __init__(self, channels: int, words: int, heads: int, norm: Norm = instance_norm) -> None:
        super().__init__(channels, words, heads, norm)
        self.place = nn.Linear(COORDINATES, channels)

    def forward(self, x: Tensor, sentence: Sentence) -> Tensor:
        """x (B,H,W,C) -> (B,H,W,1)."""
        return super().forward(x + self.place(coordinates(x)), sentence)


def coordinates(x: Tensor) -> Tensor:
    """x (B,H,W,C) -> (H,W,6): right and down in -1..1 from the middle, their squares, their product and the radius."""
    height, width = x.shape[1:3]
    down, right = (
        (2 * torch.arange(side, device=x.device, dtype=torch.float32) + 1) / side - 1
        for side in (height, width)
    )
    down, right = torch.meshgrid(down, right, indexing="ij")
    found = (right, down, right.square(), down.square(), right * down, torch.hypot(right, down))
    return torch.stack(found, dim=-1)


class Alignment(Reader):
    """Combines the context c with the other phrases; by itself it leaves c alone (row "context only")."""

    phrases = frozenset({"context"})

    def forward(self, c: Tensor, x: Tensor, sentence: Sentence) -> Tensor:
        """c, x (B,H,W,C) -> (B,H,W,C)."""
        return c


class AddObject(Alignment):
    """c + g: object words everywhere alike."""

    phrases = frozenset({"context", "object"})

    def __init__(self, object_words: ObjectBranch) -> None:
        super().__init__()
        self.object = object_words

    def forward(self, c: Tensor, x: Tensor, sentence: Sentence) -> Tensor:
        """c, x (B,H,W,C) -> (B,H,W,C)."""
        return c + self.object(x, sentence)


class AddPosition(Alignment):
    """c + c*a: the context once more where the position words point."""

    phrases = frozenset({"context", "position"})

    def __init__(self, position_words: PositionBranch) -> None:
        super().__init__()
        self.position = position_words

    def forward(self, c: Tensor, x: Tensor, sentence: Sentence) -> Tensor:
        """c, x (B,H,W,C) -> (B,H,W,C)."""
        return c + c * self.position(x, sentence)


class AddObjectAtPosition(Alignment):
    """c + g*a: object words where the position words point (FIANet)."""

    phrases = frozenset({"context", "object", "position"})

    def __init__(self, object_words: ObjectBranch, position_words: PositionBranch) -> None:
        super().__init__()
        self.object = object_words
        self.position = position_words

    def forward(self, c: Tensor, x: Tensor, sentence: Sentence) -> Tensor:
        """c, x (B,H,W,C) -> (B,H,W,C)."""
        return c + self.object(x, sentence) * self.position(x, sentence)


class FIAM(Reader):
    """next = x + s*align(c), map = r, with r = PWAM(x, context), c = gate(r)*r.

    The map handed to the neck is r, ungated and of the context alone: object and position words reach the
    mask only through later stages, and the last stage's alignment, gate and modulation get no gradient.
    Published so, kept so.

    Args:
        channels: Width of the stage.
        words: Width of the word features.
        heads: Attention heads.
        dropout: Inside PWAM.
        alignment: What the other phrases add to the context.
        norm: Of what PWAM gathers from the words.
    """

    def __init__(
        self,
        channels: int,
        words: int,
        heads: int,
        dropout: float,
        alignment: Alignment,
        norm: Norm = instance_norm,
    ) -> None:
        super().__init__()
        self.phrases = alignment.phrases
        self.modulation = ChannelModulation(channels)
        self.context = PWAM(channels, words, heads, dropout, norm)
        self.gated = Gated(channels)
        self.alignment = alignment

    def forward(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """x (B,H,W,C) -> features for the next stage, map for the decoder, both (B,H,W,C)."""
        r, aligned = self._align(x, sentence)
        return x + self.modulation(x) * aligned, r

    def _align(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        r = self.context(x.flatten(1, 2), sentence["context"]).unflatten(1, x.shape[1:3])
        return r, self.alignment(self.gated(r), x, sentence)


class DirectFIAM(FIAM):
    """FIAM whose map is the aligned features, so that object and position words reach the mask (ours)."""

    def forward(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """x (B,H,W,C) -> features for the next stage, map for the decoder, both (B,H,W,C)."""
        _, aligned = self._align(x, sentence)
        return x + self.modulation(x) * aligned, aligned
