"""LAVT (CVPR 2022): what it adds to the segmenter is its fusion. LGCE uses the same one."""

from torch import Tensor

from fianet.attention import PWAM, Gated
from fianet.text import Reader, Sentence


class PWAMFusion(Reader):
    """next = x + gate(r)*r, map = r, with r = PWAM(x, context) (sec. 3.2 and 3.3).

    Args:
        channels: Width of the stage.
        words: Width of the word features.
        heads: Attention heads.
        dropout: Inside PWAM.
    """

    phrases = frozenset({"context"})

    def __init__(self, channels: int, words: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.context = PWAM(channels, words, heads, dropout)
        self.gated = Gated(channels)

    def forward(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """x (B,H,W,C) -> features for the next stage, map for the decoder, both (B,H,W,C)."""
        r = self.context(x.flatten(1, 2), sentence["context"]).unflatten(1, x.shape[1:3])
        return x + self.gated(r), r
