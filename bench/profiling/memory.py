"""How much memory training takes, counted on a device that holds no numbers."""

import torch
from torch import Tensor, nn

from bench.config.schema import Config
from bench.profiling.counts import build_profiled, example
from bench.terminal.errors import UserError


def weightless(config: Config) -> nn.Module:
    """The model on a device that holds no numbers.

    Raises:
        UserError: It cannot be built as configured.
    """
    try:
        with torch.device("meta"):
            return build_profiled(config)
    except UserError:
        raise
    except Exception:  # another package's builder runs whatever code it likes
        if config.model.plugin is None:
            raise
        return build_profiled(config).to("meta")


def weights(model: nn.Module) -> tuple[int, int]:
    """How many weights a model has, all and trained."""
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trains in sizes if trains)


def kept_for_backward(model: nn.Module, config: Config) -> int:
    """Bytes that the forward pass of one part of a batch keeps for the backward pass, in float32, weights aside.

    A part is what one process computes at once: `recipe.batch_size / recipe.accumulate / launcher.team` images.

    Args:
        model: `weightless(config)`; left in training mode.
        config: Its configuration.

    Raises:
        UserError: A model of another package that computes with numbers as it goes.
    """
    parts = config.recipe.accumulate * config.launcher.team
    with torch.device("meta"):
        inputs = example(config, max(2, config.recipe.batch_size // parts))
    own = {id(weight) for weight in model.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        base = tensor if tensor._base is None else tensor._base
        if id(base) not in own:
            kept[id(base)] = base  # held, so that no other tensor gets its id
        return tensor

    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.train()(*inputs)
    except Exception as error:
        if config.model.plugin is None:
            raise
        raise UserError(
            f"model={config.model.name}: how much memory it needs cannot be counted ({type(error).__name__}).",
            "Pass launcher.memory=, for example launcher.memory=16G.",
        ) from error
    return sum(tensor.nbytes for tensor in kept.values())
