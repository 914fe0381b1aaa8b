"""Attention from pixels to words, and the two pieces every fusion is made of."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from fianet.text import Phrase


def instance_norm(x: Tensor) -> Tensor:
    """x (B,P,C) -> each channel of each sample brought to mean 0, variance 1 over its P positions."""
    # as a layer norm along the positions: the same sums, and the fastest kernel for them
    return F.layer_norm(x.transpose(1, 2).contiguous(), x.shape[1:2]).transpose(1, 2)


def channel_norm(x: Tensor) -> Tensor:
    """x (B,P,C) -> each position brought to mean 0, variance 1 over its C channels.

    What all positions share stays: a phrase of one word gives the same to each, and `instance_norm` takes it away.
    """
    return F.layer_norm(x, x.shape[-1:])


Norm = Callable[[Tensor], Tensor]


class ImageLanguageAttention(nn.Module):
    """Every position gathers the words that matter to it (LAVT, CVPR 2022, sec. 3.2).

    The scale is the *full* key width whatever the number of heads, as published.

    Args:
        channels: Width of the visual tokens, of the keys and of the output.
        words: Width of the word features.
        heads: Divides `channels`.
        norm: Of what was gathered; the queries' is `instance_norm` as published.

    Raises:
        ValueError: `heads` does not divide `channels`.
    """

    def __init__(self, channels: int, words: int, heads: int = 1, norm: Norm = instance_norm) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ValueError(
                f"model.fusion_heads: {heads} heads do not divide {channels} channels.\nPass a divisor."
            )
        self.heads = heads
        self.norm = norm
        self.scale = channels**-0.5
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(words, channels)
        self.value = nn.Linear(words, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, x: Tensor, phrase: Phrase) -> Tensor:
        """x (B,P,C), phrase of N words -> (B,P,C)."""
        query, key, mask = self._matched(x, phrase)
        value = self.value(phrase.features) * mask[..., None]
        gathered = F.scaled_dot_product_attention(
            query, key, self._split(value), attn_mask=_shut(mask), scale=self.scale
        )
        return self.norm(self.out(gathered.transpose(1, 2).flatten(2)))

    def weights(self, x: Tensor, phrase: Phrase) -> Tensor:
        """x (B,P,C), phrase of N words -> what each head gives each word (B,heads,P,N), 1 over the words."""
        query, key, mask = self._matched(x, phrase)
        return (query @ key.transpose(-2, -1) * self.scale + _shut(mask)).softmax(dim=-1)

    def _matched(self, x: Tensor, phrase: Phrase) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B,heads,P,C/heads), keys (B,heads,N,C/heads) and the mask (B,N) in their precision."""
        query = instance_norm(self.query(x)).contiguous()  # what the fused attention kernels ask for
        mask = phrase.mask.to(query.dtype)
        key = self.key(phrase.features) * mask[..., None]
        return self._split(query), self._split(key), mask

    def _split(self, tokens: Tensor) -> Tensor:
        """(B,T,C) -> (B,heads,T,C/heads)."""
        return tokens.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def _shut(mask: Tensor) -> Tensor:
    """mask (B,N) in {0, 1} -> what is added to the scores (B,1,1,N): a word that does not count gets nothing."""
    return (1e4 * mask - 1e4)[:, None, None, :]


class PWAM(nn.Module):
    """Pixel-word attention: visual tokens times what they gathered from the words (LAVT, sec. 3.2)."""

    def __init__(
        self, channels: int, words: int, heads: int = 1, dropout: float = 0.0, norm: Norm = instance_norm
    ) -> None:
        super().__init__()
        self.visual = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Dropout(dropout))
        self.attention = ImageLanguageAttention(channels, words, heads, norm)
        self.joint = nn.Sequential(nn.Linear(channels, channels), nn.GELU(), nn.Dropout(dropout))

    def forward(self, x: Tensor, phrase: Phrase) -> Tensor:
        """x (B,P,C) -> (B,P,C)."""
        return self.joint(self.visual(x) * self.attention(x, phrase))


class Gated(nn.Module):
    """r -> gate(r) * r with gate = tanh(W relu(W r)): how much of r is let through (LAVT, sec. 3.3)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Linear(channels, channels, bias=False),
            nn.ReLU(),
            nn.Linear(channels, channels, bias=False),
            nn.Tanh(),
        )

    def forward(self, r: Tensor) -> Tensor:
        """r (B,P,C) -> (B,P,C)."""
        return self.gate(r) * r
