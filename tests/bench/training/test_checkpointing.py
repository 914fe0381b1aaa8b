"""Keeping less must change no number, and keep less."""

import copy

import pytest
import torch
from torch import Tensor, nn

from bench.config.compose import configuration
from bench.config.identity import identity
from bench.models.build import build_model
from bench.training.checkpointing import keep_less

MODELS = ("lavt", "lgce", "rmsin", "fianet")


def batch() -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 3, 64, 64, generator=generator)
    ids = torch.randint(1, 50, (2, 6), generator=generator)
    mask = torch.ones_like(ids)
    return image, ids, mask, mask, mask


def step(model: nn.Module) -> tuple[list[Tensor], list[Tensor], int]:
    """Gradients and buffers after a backward pass, and the bytes that were kept for it."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = model(*batch()).square().mean()
    loss.backward()
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    return gradients, [*model.buffers()], sum(kept.values())


@pytest.mark.parametrize("name", MODELS)
def test_gradients_and_running_statistics_are_the_same_bytes(name: str) -> None:
    config = configuration(
        [f"model={name}", "recipe.size=64", "model.encoder.drop_path=0.2", "model.text.dropout=0.1"]
    )
    torch.manual_seed(0)
    plain = build_model(config.model, 60, 64).train()
    less = copy.deepcopy(plain)
    keep_less(less)
    wanted, buffers, much = step(plain)
    found, their_buffers, little = step(less)
    assert little < 0.7 * much
    assert len(found) == len(wanted)
    for one, other in zip([*found, *their_buffers], [*wanted, *buffers], strict=True):
        assert torch.equal(one, other)
    assert less.state_dict().keys() == plain.state_dict().keys()


def test_blocks_of_a_backbone_are_computed_twice_too() -> None:
    words = ["recipe.size=64", "model.encoder.kind=timm", "model.encoder.name=test_convnext"]
    torch.manual_seed(0)
    plain = build_model(configuration([*words, "model.encoder.drop_path=0.2"]).model, 60, 64).train()
    less = copy.deepcopy(plain)
    keep_less(less)
    wanted, buffers, much = step(plain)
    found, their_buffers, little = step(less)
    assert little < 0.8 * much
    for one, other in zip([*found, *their_buffers], [*wanted, *buffers], strict=True):
        assert torch.equal(one, other)


def test_cells_are_the_same_with_and_without() -> None:
    ids = [
        identity(configuration([f"recipe.checkpointing={asked}"]), 0, "data", str)
        for asked in ("true", "false")
    ]
    assert ids[0] == ids[1]
