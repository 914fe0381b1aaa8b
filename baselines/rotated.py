"""Adaptive rotated convolution (ICCV 2023) as RMSIN's decoder uses it: one kernel, turned for each sample."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_DEGREES = 40.0


class Routing(nn.Module):
    """How strong and how far turned a sample wants the kernel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels, bias=False)
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(0.2)
        self.strength = nn.Linear(channels, 1)
        self.angle = nn.Linear(channels, 1, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B,C,H,W) -> strength (B,) in (0, 1), angle (B,) in radians within 40 degrees."""
        y = F.relu(self.norm(self.depthwise(x).permute(0, 2, 3, 1))).mean(dim=(1, 2))
        strength = torch.sigmoid(self.strength(self.dropout(y)))[:, 0]
        angle = F.softsign(self.angle(self.dropout(y)))[:, 0] * math.radians(MOST_DEGREES)
        return strength, angle


class RotatedConv(nn.Module):
    """3x3 convolution whose kernel is turned and scaled for each sample; no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.routing = Routing(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """x (B,Cin,H,W) -> (B,Cout,H,W)."""
        samples = x.shape[0]
        strength, angle = self.routing(x)
        turn = strength[:, None, None] * rotation(angle)
        kernels = (
            torch.einsum("bij,ocj->boci", turn, self.weight.flatten(2)).flatten(0, 1).unflatten(-1, (3, 3))
        )
        # one group per sample: each is convolved with its own kernel in a single call
        y = F.conv2d(x.reshape(1, -1, *x.shape[-2:]), kernels, padding=1, groups=samples)
        return y.reshape(samples, -1, *y.shape[-2:])


def rotation(angle: Tensor) -> Tensor:
    """angle (B,) in radians -> (B,9,9): each tap of the turned kernel as a bilinear mix of the stored taps.

    Taps are numbered row by row; positive angles turn one way, negative the other (each its own table).
    """
    x, y = torch.cos(angle), torch.sin(angle)
    a, b, c = x - y, x * y, x + y
    one = torch.ones_like(x)
    onward = {
        (0, 0): a, (0, 1): 1 - a,
        (1, 1): x - b, (1, 2): b, (1, 4): 1 - c + b, (1, 5): y - b,
        (2, 2): a, (2, 5): 1 - a,
        (3, 0): b, (3, 1): y - b, (3, 3): x - b, (3, 4): 1 - c + b,
        (4, 4): one,
        (5, 4): 1 - c + b, (5, 5): x - b, (5, 7): y - b, (5, 8): b,
        (6, 3): 1 - a, (6, 6): a,
        (7, 3): y - b, (7, 4): 1 - c + b, (7, 6): b, (7, 7): x - b,
        (8, 7): 1 - a, (8, 8): a,
    }  # fmt: skip
    back = {
        (0, 0): c, (0, 3): 1 - c,
        (1, 0): -b, (1, 1): x + b, (1, 3): b - y, (1, 4): 1 - a - b,
        (2, 1): 1 - c, (2, 2): c,
        (3, 3): x + b, (3, 4): 1 - a - b, (3, 6): -b, (3, 7): b - y,
        (4, 4): one,
        (5, 1): b - y, (5, 2): -b, (5, 4): 1 - a - b, (5, 5): x + b,
        (6, 6): c, (6, 7): 1 - c,
        (7, 4): 1 - a - b, (7, 5): b - y, (7, 7): x + b, (7, 8): -b,
        (8, 5): 1 - c, (8, 8): c,
    }  # fmt: skip
    return torch.where(angle[:, None, None] >= 0, _matrix(onward, one), _matrix(back, one))


def _matrix(taps: dict[tuple[int, int], Tensor], like: Tensor) -> Tensor:
    zero = torch.zeros_like(like)
    rows = [torch.stack([taps.get((row, column), zero) for column in range(9)], dim=-1) for row in range(9)]
    return torch.stack(rows, dim=1)
