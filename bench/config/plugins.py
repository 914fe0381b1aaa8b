"""Models of other packages, found by the entry point group `fianet_bench.models`. Imports no torch.

A package names a builder in its pyproject.toml:

    [project.entry-points."fianet_bench.models"]
    mynet = "mypackage.models:build"

    def build(model: bench.config.schema.ModelConfig, vocab_size: int, size: tuple[int, int]) -> torch.nn.Module

The module it returns is called as `model(image, ids, context_mask, object_mask, position_mask)` with image (B,3,H,W)
and (B,N) int64 texts, and gives logits (B,2,H,W). From then on `model=mynet` works on the command line and in studies;
`bench.weights export`, `bench.predict` and `bench.profile` take it, and build it without naming pretrained weights.

`model.encoder.pretrained` and `model.text.pretrained` may say `random`, and `required` where the scale asks for a
choice and none was made: a builder that reads such weights refuses that (`bench.config.schema.named_weights`).
"""

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from bench.config.schema import ModelConfig
from bench.terminal.errors import UserError

if TYPE_CHECKING:
    from torch import nn

GROUP = "fianet_bench.models"
Builder = Callable[[ModelConfig, int, tuple[int, int]], "nn.Module"]


def plugins() -> dict[str, EntryPoint]:
    """Every installed model by name."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def package(entry: EntryPoint) -> str:
    """The package that brings a model, with its version: a new version is a new model to the store."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value.partition(":")[0]


def load(name: str, planned: str) -> Builder:
    """The builder of an installed model.

    Args:
        name: Of the entry point.
        planned: Package and version the cell was planned with.

    Raises:
        UserError: Not installed, another version, or importing it fails.
    """
    entry = plugins().get(name)
    found = package(entry) if entry else "not installed"
    if entry is None or found != planned:
        raise UserError(
            f"model={name}: planned with {planned}, which is {found} here.",
            f"Install {planned.replace(' ', '==')}, or run the study again to plan it with what is installed.",
        )
    try:
        builder: Builder = entry.load()
    except Exception as error:  # other people's code may fail in any way
        raise UserError(
            f"model={name}: {entry.value} of {found} cannot be imported ({type(error).__name__}: {error}).",
            "Mend or reinstall that package.",
        ) from error
    return builder
