"""`recipe.checkpointing`: less memory for more time in training; no number changes."""

from collections.abc import Iterator

from torch import nn

from fianet.lean import keep_inputs_alone
from fianet.segmenter import Segmenter
from fianet.swin import Stage
from fianet.text import TextEncoder, layers
from fianet.timm_encoder import TimmStage


def keep_less(model: nn.Module) -> None:
    """Makes the blocks of both encoders and the fusions keep their inputs alone; models of other packages stay.

    Whatever holds a batch norm stays too: computed twice, its running statistics would move twice.
    """
    if isinstance(model, Segmenter):
        for part in _repeated(model):
            if not any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in part.modules()):
                keep_inputs_alone(part)


def _repeated(model: Segmenter) -> Iterator[nn.Module]:
    for stage in model.encoder.stages:
        assert isinstance(stage, Stage | TimmStage)
        yield from stage.blocks() if isinstance(stage, TimmStage) else stage.blocks
    yield from model.fusions
    if isinstance(model.text, TextEncoder):
        yield from layers(model.text.bert)
