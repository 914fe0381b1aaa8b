"""The one segmenter: text and image encoders, and three slots that make the models differ."""

from collections.abc import Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from fianet.stages import StagedEncoder
from fianet.text import Reader, Sentence


class Look(NamedTuple):
    """What a segmenter makes of images before it reads a word.

    Args:
        size: Height and width of the images.
        features: (I,H,W,C) of the stage that the next fusion reads.
        maps: Those for the neck that are done: none, or all of an encoder that reads no words.
    """

    size: tuple[int, int]
    features: Tensor
    maps: tuple[Tensor, ...]

    def rows(self, images: Tensor) -> "Look":
        """The looks at some of the images (E,) int64, each as often as it is named."""
        maps = tuple(each.index_select(0, images) for each in self.maps)
        return Look(self.size, self.features.index_select(0, images), maps)


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
        return self.answer(self.look(image), ids, context_mask, object_mask, position_mask)

    def look(self, image: Tensor) -> Look:
        """image (I,3,H,W) -> what no sentence changes: all before the first fusion that reads words."""
        x = self.encoder.stages[0](self.encoder.embed(image))
        maps: tuple[Tensor, ...] = ()
        for stage, fusion in enumerate(self.fusions):
            if fusion.phrases:
                break
            x, maps = self._fuse(stage, x, maps, {})
        height, width = image.shape[-2:]
        return Look((height, width), x, maps)

    def answer(
        self, look: Look, ids: Tensor, context_mask: Tensor, object_mask: Tensor, position_mask: Tensor
    ) -> Tensor:
        """A look and one sentence per row of it, as `forward` takes them -> logits (B,2,H,W)."""
        sentence = self.text(ids, context_mask, object_mask, position_mask)
        x, maps = look.features, look.maps
        for stage in range(len(maps), len(self.fusions)):
            x, maps = self._fuse(stage, x, maps, sentence)
        logits = self.decoder(self.neck(list(maps), sentence))
        return F.interpolate(logits, size=look.size, mode="bilinear", align_corners=True)

    def _fuse(
        self, stage: int, x: Tensor, maps: tuple[Tensor, ...], sentence: Sentence
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Features of a stage and the maps before -> features of the next stage, and the maps with this one's."""
        x, fused = self.fusions[stage](x, sentence)
        done = for_convolutions(self.encoder.norms[stage](fused).permute(0, 3, 1, 2))
        further = stage + 1 < len(self.fusions)
        return self.encoder.stages[stage + 1](x) if further else x, (*maps, done)


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
