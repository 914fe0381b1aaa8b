"""The same checks for every model in experiments/model: a new model takes part by having a file there.

FIANet takes part on four backbones of timm too, small ones of each kind: with batch norms and without, channels first
and last.
"""

import re
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from bench.config.compose import configuration
from bench.config.groups import EXPERIMENTS
from bench.config.schema import ModelConfig
from bench.models.build import build
from bench.training.losses import segmentation_loss
from fianet.segmenter import Segmenter

VOCABULARY = 200
TOKENS = 12
MODELS = [[f"model={name}"] for name in sorted(path.stem for path in (EXPERIMENTS / "model").glob("*.yaml"))]
BACKBONES = [
    ["model.encoder.kind=timm", f"model.encoder.name=test_{name}"]
    for name in ("resnet", "convnext", "efficientnet", "mambaout")
]

# Parameters the loss cannot reach: the last stage hands on its map alone, and no later stage reads the rest.
UNREACHED = {
    "none": "$^",
    "pwam": r"^fusions\.3\.gated",
    "iim": r"^fusions\.3\.(gated|visual)",
    "fiam": r"^fusions\.3\.(modulation|gated|alignment)",
    "fiam_direct": r"^fusions\.3\.modulation",
}


@dataclass
class Batch:
    """Model inputs; object and position are two stretches of words, padding follows."""

    image: Tensor
    ids: Tensor
    context_mask: Tensor
    object_mask: Tensor
    position_mask: Tensor

    def run(self, model: Segmenter) -> Tensor:
        return model(self.image, self.ids, self.context_mask, self.object_mask, self.position_mask)

    def only(self, index: int) -> "Batch":
        return Batch(*(value[index : index + 1] for value in vars(self).values()))


def batch(samples: int = 2, height: int = 96, width: int = 96, tokens: int = TOKENS) -> Batch:
    draw = torch.Generator().manual_seed(1)
    ids = torch.randint(5, VOCABULARY, (samples, tokens), generator=draw)
    masks = torch.zeros(3, samples, tokens, dtype=torch.int64)
    for sample in range(samples):
        length = min(tokens, 8 + sample)
        masks[0, sample, :length] = 1
        masks[1, sample, 1:3] = 1
        masks[2, sample, 4 : length - 1] = 1
    return Batch(torch.randn(samples, 3, height, width, generator=draw), ids * masks[0], *masks)


@pytest.fixture(scope="module", params=MODELS + BACKBONES, ids=lambda words: words[-1].rpartition("=")[2])
def config(request: pytest.FixtureRequest) -> ModelConfig:
    return configuration([*request.param, "scale=tiny"]).model


@pytest.fixture
def model(config: ModelConfig) -> Segmenter:
    return seeded(config)


def seeded(config: ModelConfig, height: int = 96, width: int = 96) -> Segmenter:
    torch.manual_seed(0)
    return build(config, VOCABULARY, (height, width)).eval()


class TestEveryModel:
    @pytest.mark.parametrize(("height", "width"), [(96, 96), (64, 128), (75, 50), (33, 97)])
    def test_logits_have_the_size_of_the_image(self, config: ModelConfig, height: int, width: int) -> None:
        logits = batch(2, height, width).run(seeded(config, height, width))
        assert logits.shape == (2, 2, height, width)
        assert logits.isfinite().all()

    @torch.no_grad()
    def test_samples_do_not_depend_on_their_batch(self, model: Segmenter) -> None:
        whole = batch(3)
        together = whole.run(model)
        for index in range(3):
            torch.testing.assert_close(
                whole.only(index).run(model), together[index : index + 1], atol=1e-4, rtol=1e-4
            )

    def test_gradient_reaches_every_parameter_that_should_get_one(
        self, config: ModelConfig, model: Segmenter
    ) -> None:
        batch().run(model.train()).square().mean().backward()
        unreached = {name for name, parameter in model.named_parameters() if parameter.grad is None}
        expected = {name for name, _ in model.named_parameters() if re.search(UNREACHED[config.fusion], name)}
        assert unreached == expected

    def test_one_seed_gives_one_model_and_one_answer(self, config: ModelConfig, model: Segmenter) -> None:
        inputs = batch()
        assert torch.equal(inputs.run(model), inputs.run(seeded(config)))

    def test_a_step_lowers_the_loss(self, model: Segmenter) -> None:
        model.train()
        inputs, target = batch(4), torch.zeros(4, 96, 96, dtype=torch.int64)
        target[:, 20:50, 30:70] = 1
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
        losses = []
        for _ in range(4):
            loss = segmentation_loss(inputs.run(model), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0]

    @torch.no_grad()
    def test_bfloat16_agrees_with_float32(self, model: Segmenter) -> None:
        inputs = batch()
        exact = inputs.run(model)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = inputs.run(model).float()
        assert (rough - exact).norm() < 0.1 * exact.norm()

    @torch.no_grad()
    @pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
    def test_a_mask_of_zeros_is_a_sentence_too(self, model: Segmenter, precision: torch.dtype) -> None:
        inputs = batch()
        empty = replace(inputs, object_mask=torch.zeros_like(inputs.object_mask))
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            assert empty.run(model).isfinite().all()

    @torch.no_grad()
    @pytest.mark.parametrize("tokens", [1, TOKENS])
    def test_one_token_is_a_sentence(self, model: Segmenter, tokens: int) -> None:
        inputs = batch(tokens=tokens)
        first = torch.zeros_like(inputs.ids)
        first[:, 0] = 1
        inputs = replace(inputs, context_mask=first, object_mask=first, position_mask=first)
        assert inputs.run(model).isfinite().all()

    @torch.no_grad()
    def test_other_words_give_another_answer(self, model: Segmenter) -> None:
        inputs = batch()
        others = replace(inputs, ids=(inputs.ids + 7) % VOCABULARY)
        assert not torch.equal(inputs.run(model), others.run(model))

    def test_weights_come_back_from_a_state_dict(self, config: ModelConfig, model: Segmenter) -> None:
        torch.manual_seed(1)
        other = build(config, VOCABULARY, 96).eval()
        other.load_state_dict(model.state_dict())
        inputs = batch()
        assert torch.equal(inputs.run(model), inputs.run(other))

    @pytest.mark.slow
    def test_captured_model_agrees(self, model: Segmenter) -> None:
        """What kernels would be generated from; generating them is tried for one model (`test_compiling`)."""
        inputs = batch()
        exact = inputs.run(model)
        torch._dynamo.reset()  # else sizes of other tests make these symbols, whose algebra takes over 15 minutes
        captured = torch.compile(model, dynamic=False, backend="aot_eager")
        torch.testing.assert_close(inputs.run(captured), exact, atol=1e-4, rtol=1e-4)
