"""What every image encoder is to the segmenter: stages that are walked one by one, as language enters between them."""

from typing import Self

from torch import Tensor, nn


class StagedEncoder(nn.Module):
    """Maps of stride 4, 8, 16, 32 of images.

    Whoever walks the stages calls `embed`, then each of `stages` on what the last one (and its fusion) gave;
    `norms` are for the maps handed to the neck, one per stage.
    """

    channels: list[int]  # of each stage
    patch_embed: nn.Module  # what `embed` calls
    stages: nn.ModuleList  # each (B,H,W,C) -> (B,h,w,C')
    norms: nn.ModuleList  # each (B,H,W,C) -> the same

    def __init__(self) -> None:
        super().__init__()
        self._frozen_stages = 0
        self._fixed_statistics = False

    def embed(self, image: Tensor) -> Tensor:
        """image (B,3,H,W) -> features (B,h,w,C) for the first stage."""
        raise NotImplementedError

    def freeze(self, trained_stages: int, fixed_statistics: bool) -> None:
        """Leaves the last stages trainable; the rest gets no gradient, and is in eval mode whatever the model is.

        The norms of the maps always train: nothing pretrained them.

        Args:
            trained_stages: How many, counted from the last; where all are, the embedding trains too.
            fixed_statistics: Batch norms keep their running mean and variance, and normalise by them.
        """
        self._frozen_stages = max(0, len(self.stages) - trained_stages)
        self._fixed_statistics = fixed_statistics
        for part in self._frozen():
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """As of any module, but what is frozen stays in eval mode: no drop path, no moving statistics."""
        super().train(mode)
        for part in self._frozen():
            part.eval()
        if self._fixed_statistics:
            for part in self.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        return [self.patch_embed, *self.stages[: self._frozen_stages]] if self._frozen_stages else []
