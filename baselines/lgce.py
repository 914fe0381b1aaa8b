"""LGCE (TGRS 2024): what it adds to the segmenter is its neck. The fusion is LAVT's."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fianet.text import Reader, Sentence


class SelfAttention(nn.Module):
    """Multi-head self-attention, no bias on queries, keys and values."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise ValueError(
                f"model.neck=lgce: {heads} heads do not divide {channels} channels.\n"
                "Pass an even model.encoder.embed_dim, or another backbone."
            )
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B,T,C) -> (B,T,C)."""
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Pre-norm transformer block, MLP ratio 2, no positional embedding."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attention = SelfAttention(channels, heads)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens (B,T,C) -> (B,T,C)."""
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class GuidedScale(nn.Module):
    """One map whose positions attend to each other and to a guide token made of the sentence.

    Args:
        channels: Width of the map.
        words: Width of the word features.
        blocks: Transformer blocks.
        heads: Attention heads.
    """

    def __init__(self, channels: int, words: int, blocks: int, heads: int) -> None:
        super().__init__()
        self.guide = nn.Linear(words, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads) for _ in range(blocks)))

    def forward(self, each: Tensor, sentence: Tensor) -> Tensor:
        """each (B,C,H,W), sentence (B,D) -> (B,C,H,W)."""
        tokens = each.flatten(2).transpose(1, 2)
        tokens = self.blocks(torch.cat((self.guide(sentence)[:, None], tokens), dim=1))[:, 1:]
        return tokens.transpose(1, 2).unflatten(2, each.shape[-2:])


class LGCE(Reader):
    """Language-guided cross-scale enhancement of the two coarsest maps; the finer two pass.

    The authors never released the model: this is what the public copies compute. They also exchange the two
    guide tokens between the scales and throw the result away, which is left out here. The guide is the mean
    over *all* tokens, padding included, so the answer depends on how far sentences are padded.

    Args:
        channels: Channels of the four maps, finest first.
        words: Width of the word features.
    """

    phrases = frozenset({"context"})

    def __init__(self, channels: Sequence[int], words: int) -> None:
        super().__init__()
        self.third = GuidedScale(channels[2], words, blocks=1, heads=8)
        self.fourth = GuidedScale(channels[3], words, blocks=3, heads=16)

    def forward(self, maps: list[Tensor], sentence: Sentence) -> list[Tensor]:
        """Four maps (B,Ci,Hi,Wi) -> four maps of the same shapes."""
        mean = sentence["context"].features.mean(dim=1)
        return [maps[0], maps[1], self.third(maps[2], mean), self.fourth(maps[3], mean)]
