"""From four maps to class logits, coarse to fine (LAVT, CVPR 2022, sec. 3.4)."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    """The plain 3x3 convolution, without bias because a batch norm follows."""
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False)


class Merge(nn.Module):
    """Takes one finer map in: upsample, concatenate, two convolutions."""

    def __init__(self, coarse: int, fine: int, hidden: int, second: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = conv3x3(coarse + fine, hidden)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.conv2 = second(hidden, hidden)
        self.bn2 = nn.BatchNorm2d(hidden)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """coarse (B,C1,h,w), fine (B,C2,H,W) -> (B,hidden,H,W)."""
        coarse = F.interpolate(coarse, size=fine.shape[-2:], mode="bilinear", align_corners=True)
        y = F.relu(self.bn1(self.conv1(torch.cat((coarse, fine), dim=1))))
        return F.relu(self.bn2(self.conv2(y)))


def classify_positions(hidden: int) -> nn.Module:
    """(B,hidden,H,W) -> (B,2,H,W): the published last layer."""
    return nn.Conv2d(hidden, 2, kernel_size=1)


class ClassifyPixels(nn.Sequential):
    """(B,hidden,H,W) -> (B,2,4H,4W): every position tells the 16 pixels it stands for apart (ours).

    Two sub-pixel convolutions (Shi et al., CVPR 2016) with a narrow 3x3 between them, at half of the images' side,
    where a wide one would cost more than the rest of the decoder.
    """

    def __init__(self, hidden: int) -> None:
        narrow = max(8, hidden // 6)
        super().__init__(
            nn.Conv2d(hidden, 4 * narrow, kernel_size=1, bias=False),
            nn.PixelShuffle(2),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            conv3x3(narrow, narrow),
            nn.BatchNorm2d(narrow),
            nn.ReLU(),
            nn.Conv2d(narrow, 4 * 2, kernel_size=1),
            nn.PixelShuffle(2),
        )


class Decoder(nn.Module):
    """Merges the maps from the coarsest to the finest, then classifies.

    Args:
        channels: Channels of each map, finest first.
        second: Makes the second convolution of each merge; the first is always plain.
        classify: Makes what turns the merged map into logits.
    """

    def __init__(
        self,
        channels: Sequence[int],
        second: Callable[[int, int], nn.Module] = conv3x3,
        classify: Callable[[int], nn.Module] = classify_positions,
    ) -> None:
        super().__init__()
        hidden = 4 * channels[0]
        finer = channels[-2::-1]
        coarser = [channels[-1]] + [hidden] * (len(finer) - 1)
        self.merges = nn.ModuleList(
            Merge(coarse, fine, hidden, second) for coarse, fine in zip(coarser, finer, strict=True)
        )
        self.classify = classify(hidden)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Four maps (B,Ci,Hi,Wi), finest first -> logits (B,2,H1,W1), or of more pixels."""
        y = maps[-1]
        for merge, fine in zip(self.merges, maps[-2::-1], strict=True):
            y = merge(y, fine)
        return self.classify(y)
