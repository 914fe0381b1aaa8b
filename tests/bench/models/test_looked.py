"""Whose forward pass answers."""

import torch
from torch import Tensor

from bench.config.compose import configuration
from bench.models.build import build
from bench.models.looked import looked
from fianet.segmenter import Segmenter
from tests.bench.training.test_checkpointing import batch


class Turned(Segmenter):
    """What another package may make of ours."""

    def forward(self, *given: Tensor) -> Tensor:  # type: ignore[override]
        return -super().forward(*given)


def test_a_segmenter_whose_forward_was_replaced_is_scored_by_it() -> None:
    torch.manual_seed(0)
    model = build(configuration(["scale=tiny", "recipe.size=64"]).model, 60, 64).eval()
    image, *words = batch()
    places = torch.arange(len(image))
    with torch.inference_mode():
        plain = looked(model, image)(places, *words)
        torch.testing.assert_close(plain, model(image, *words))
        model.__class__ = Turned
        torch.testing.assert_close(looked(model, image)(places, *words), -plain)
