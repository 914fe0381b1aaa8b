"""The parts of a model (text, encoder, fusion, neck, decoder), and how a gauge is read around each of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from fianet.segmenter import Segmenter


def parts(model: nn.Module) -> dict[str, list[nn.Module]]:
    """Part -> the modules whose calls make it up, none inside another; none for models of other packages.

    The encoder is walked stage by stage with fusions in between, so it is many modules and never called itself.
    """
    if not isinstance(model, Segmenter):
        return {}
    encoder = model.encoder
    return {
        "text": [model.text],
        "encoder": [encoder.patch_embed, *encoder.stages, *encoder.norms],
        "fusion": [*model.fusions],
        "neck": [model.neck],
        "decoder": [model.decoder],
    }


@contextmanager
def metered(model: nn.Module, gauge: Callable[[], float]) -> Iterator[dict[str, float]]:
    """Yields how much `gauge` grew inside each part, summed over all forward passes in the block.

    Args:
        model: Any model.
        gauge: Something that only grows: operations counted so far, seconds on a clock.
    """
    grown: dict[str, float] = {}
    handles = []
    for part, modules in parts(model).items():
        grown[part] = 0.0
        for module in modules:
            handles += _watch(module, part, grown, gauge)
    try:
        yield grown
    finally:
        for handle in handles:
            handle.remove()


def _watch(module: nn.Module, part: str, grown: dict[str, float], gauge: Callable[[], float]) -> list:
    def enter(module: nn.Module, inputs: object) -> None:
        grown[part] -= gauge()

    def leave(module: nn.Module, inputs: object, output: object) -> None:
        grown[part] += gauge()

    return [module.register_forward_pre_hook(enter), module.register_forward_hook(leave)]
