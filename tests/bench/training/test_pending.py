"""Losses are looked at late, and nothing is lost or misnamed by it."""

from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator

from bench.training.pending import STEPS_ON_GPU, Diverged, Pending


def pending(device: str) -> Pending:
    return Pending(SimpleNamespace(device=torch.device(device), num_processes=1))  # type: ignore[arg-type]


def scalars(*values: float) -> list[torch.Tensor]:
    return [torch.tensor(value) for value in values]


def test_a_cpu_is_asked_after_every_step_and_a_gpu_now_and_then() -> None:
    for device, steps in (("cpu", 1), ("cuda", STEPS_ON_GPU)):
        losses = pending(device)
        for step in range(steps):
            assert not losses.full
            losses.add(f"step {step}", scalars(1.0))
        assert losses.full


def test_each_step_has_the_sum_of_its_parts_in_order() -> None:
    losses = pending("cuda")
    losses.add("step 0", scalars(0.5, 0.25))
    losses.add("step 1", scalars(2.0))
    assert losses.read() == [0.75, 2.0]
    assert losses.read() == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_first_step_that_diverged_is_named(bad: float) -> None:
    losses = pending("cuda")
    for step, value in enumerate((1.0, bad, bad)):
        losses.add(f"step {step} (epoch 3), learning rate 0.1", scalars(value))
    with pytest.raises(Diverged, match=r"at step 1 \(epoch 3\), learning rate 0\.1"):
        losses.read()


def test_a_real_accelerator_of_one_process_reads_what_was_added() -> None:
    losses = Pending(Accelerator(cpu=True))
    losses.add("step 0", scalars(1.5))
    assert losses.read() == [1.5]
