"""Adaptive rotated convolution (ICCV 2023) as RMSIN's decoder uses it: one kernel, turned for each sample."""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOST_DEGREES = 40.0


# Each tap of the turned kernel as a bilinear mix of stored taps: (turned tap, stored tap) -> weight, taps numbered row
# by row. Weights are vectors over 1, cos, sin and cos*sin of the angle. Positive and negative angles have a table each.
_1, _x, _y, _b = np.eye(4, dtype=np.float32)
_a, _c = _x - _y, _x + _y
ONWARD = {
    (0, 0): _a, (0, 1): _1 - _a,
    (1, 1): _x - _b, (1, 2): _b, (1, 4): _1 - _c + _b, (1, 5): _y - _b,
    (2, 2): _a, (2, 5): _1 - _a,
    (3, 0): _b, (3, 1): _y - _b, (3, 3): _x - _b, (3, 4): _1 - _c + _b,
    (4, 4): _1,
    (5, 4): _1 - _c + _b, (5, 5): _x - _b, (5, 7): _y - _b, (5, 8): _b,
    (6, 3): _1 - _a, (6, 6): _a,
    (7, 3): _y - _b, (7, 4): _1 - _c + _b, (7, 6): _b, (7, 7): _x - _b,
    (8, 7): _1 - _a, (8, 8): _a,
}  # fmt: skip
BACK = {
    (0, 0): _c, (0, 3): _1 - _c,
    (1, 0): -_b, (1, 1): _x + _b, (1, 3): _b - _y, (1, 4): _1 - _a - _b,
    (2, 1): _1 - _c, (2, 2): _c,
    (3, 3): _x + _b, (3, 4): _1 - _a - _b, (3, 6): -_b, (3, 7): _b - _y,
    (4, 4): _1,
    (5, 1): _b - _y, (5, 2): -_b, (5, 4): _1 - _a - _b, (5, 5): _x + _b,
    (6, 6): _c, (6, 7): _1 - _c,
    (7, 4): _1 - _a - _b, (7, 5): _b - _y, (7, 7): _x + _b, (7, 8): -_b,
    (8, 5): _1 - _c, (8, 8): _c,
}  # fmt: skip


def _exactly(near: Tensor) -> AbstractContextManager[Any]:
    """In the weights' precision whatever autocast says: bfloat16 knows 40 degrees to an eighth of a degree."""
    device = near.device.type
    return torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()


class Rotation(nn.Module):
    """angle -> how the nine taps of a turned 3x3 kernel mix the stored ones."""

    onward: Tensor
    back: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, table in (("onward", ONWARD), ("back", BACK)):
            weights = torch.zeros(4, 9, 9)
            for (turned, stored), weight in table.items():
                weights[:, turned, stored] = torch.from_numpy(weight)
            self.register_buffer(name, weights.flatten(1), persistent=False)

    def forward(self, angle: Tensor) -> Tensor:
        """angle (B,) in radians -> (B,9,9) float32, turned taps in rows."""
        with _exactly(angle):
            angle = angle.to(self.onward.dtype)
            x, y = torch.cos(angle), torch.sin(angle)
            terms = torch.stack((torch.ones_like(x), x, y, x * y), dim=1)
            turned = torch.where(angle[:, None] >= 0, terms @ self.onward, terms @ self.back)
        return turned.unflatten(1, (9, 9))


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
        """x (B,C,H,W) -> float32 strength (B,) in (0, 1), angle (B,) in radians within 40 degrees."""
        y = F.relu(self.norm(self.depthwise(x).permute(0, 2, 3, 1)))
        y = y.to(self.angle.weight.dtype).mean(dim=(1, 2))
        with _exactly(y):
            strength = torch.sigmoid(self.strength(self.dropout(y)))[:, 0]
            angle = F.softsign(self.angle(self.dropout(y)))[:, 0] * math.radians(MOST_DEGREES)
        return strength, angle


class RotatedConv(nn.Module):
    """3x3 convolution whose kernel is turned and scaled for each sample; no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.routing = Routing(inputs)
        self.rotation = Rotation()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """x (B,Cin,H,W) -> (B,Cout,H,W)."""
        samples = x.shape[0]
        strength, angle = self.routing(x)
        with _exactly(x):
            turn = strength[:, None, None] * self.rotation(angle)
            kernels = torch.einsum("bij,ocj->boci", turn, self.weight.flatten(2)).flatten(0, 1)
        kernels = kernels.unflatten(-1, (3, 3))
        # one group per sample: each is convolved with its own kernel in a single call
        y = F.conv2d(x.reshape(1, -1, *x.shape[-2:]), kernels, padding=1, groups=samples)
        return y.reshape(samples, -1, *y.shape[-2:])
