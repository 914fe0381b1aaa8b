"""Losses of steps that the device may still be computing: to ask for one is to wait for it."""

import torch
from accelerate import Accelerator
from torch import Tensor

from bench.training import distributed

STEPS_ON_GPU = 16  # between looks: a GPU then never waits for Python, nor do processes for each other


class Diverged(RuntimeError):
    """The loss is no number any more; names the step and the learning rate."""


class Pending:
    """Steps whose losses nobody has looked at yet.

    Args:
        accelerator: Where they are computed; on a CPU they are there at once, and are looked at step by step.
    """

    def __init__(self, accelerator: Accelerator) -> None:
        self.accelerator = accelerator
        self.most = STEPS_ON_GPU if accelerator.device.type == "cuda" else 1
        self.steps: list[tuple[str, list[Tensor]]] = []

    def add(self, step: str, losses: list[Tensor]) -> None:
        """A step, in words for an error, and the losses of its parts, scalars that add up to it."""
        self.steps.append((step, losses))

    @property
    def full(self) -> bool:
        """Whether it is time to look."""
        return len(self.steps) >= self.most

    def read(self) -> list[float]:
        """The loss of each step since the last look, of all processes; waits for the device once.

        Raises:
            Diverged: One of them is NaN or infinite; names the first.
        """
        if not self.steps:
            return []
        parts = iter(torch.stack([each for _, losses in self.steps for each in losses]).tolist())
        own = [sum(next(parts) for _ in losses) for _, losses in self.steps]
        values = list(distributed.totals(self.accelerator, *own))
        for (step, _), value in zip(self.steps, values, strict=True):
            if not abs(value) < float("inf"):  # NaN compares false
                raise Diverged(f"the loss is {value} at {step}")
        self.steps.clear()
        return values
