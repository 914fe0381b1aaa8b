"""The one segmenter: text and image encoders, and three slots that make the models differ."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from fianet.stages import StagedEncoder
from fianet.text import Reader, Sentence


class Segmenter(nn.Module):
    """Referring segmentation: which pixels does the sentence mean?

    Args:
        text: Sentence encoder: (ids, three masks) -> phrases.
        encoder: Image stages.
        fusions: One per stage: (features (B,H,W,C), phrases) -> (features for the next stage, map).
        neck: (four maps (B,C,H,W), phrases) -> four maps.
        decoder: Four maps -> logits (B,2,H/4,W/4).
    """

    def __init__(
        self,
        text: nn.Module,
        encoder: StagedEncoder,
        fusions: Sequence[Reader],
        neck: Reader,
        decoder: nn.Module,
    ) -> None:
        super().__init__()
        self.text = text
        self.encoder = encoder
        self.fusions = nn.ModuleList(fusions)
        self.neck = neck
        self.decoder = decoder

    def forward(
        self, image: Tensor, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Tensor:
        """One image and one sentence per sample -> logits; class 1 is the referent.

        Args:
            image: (B,3,H,W) float, ImageNet-normalised, any size.
            ids: (B,N) int64 word pieces, zero padded.
            context_mask: (B,N) int64, 1 on every word of the sentence.
            object_mask: (B,N) int64, 1 on the words that name the target. Applied as given, zeros too: who makes the
                masks decides what a sentence without such words has (`fianet.tokens.Tokens`).
            position_mask: (B,N) int64, 1 on the words that say where it is, likewise.

        Returns:
            Logits (B,2,H,W).
        """
        sentence = self.text(ids, context_mask, object_mask, position_mask)
        logits = self.decoder(self.neck(self._maps(image, sentence), sentence))
        return F.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=True)

    def _maps(self, image: Tensor, sentence: Sentence) -> list[Tensor]:
        maps = []
        x = self.encoder.embed(image)
        for stage, norm, fusion in zip(self.encoder.stages, self.encoder.norms, self.fusions, strict=True):
            x, fused = fusion(stage(x), sentence)
            maps.append(for_convolutions(norm(fused).permute(0, 3, 1, 2)))
        return maps


def for_convolutions(x: Tensor) -> Tensor:
    """x (B,C,H,W), channels last -> the same in the layout whose convolutions are fast.

    CPUs go backward through channels-last convolutions at half the speed (a seventh slower with AVX-512); GPUs are
    faster with them.
    """
    return x.contiguous() if x.device.type == "cpu" else x


class NoFusion(Reader):
    """Ignores the sentence."""

    def forward(self, x: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """x (B,H,W,C) -> x, x."""
        return x, x


class NoNeck(Reader):
    """Leaves the maps as they are."""

    def forward(self, maps: list[Tensor], sentence: Sentence) -> list[Tensor]:
        """Four maps -> the same."""
        return maps
