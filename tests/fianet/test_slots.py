"""Every fusion with every neck and every decoder, and what each reads of the sentence."""

from dataclasses import dataclass, replace
from itertools import product

import pytest
import torch
from torch import Tensor

from bench.config.choices import Decoder, Fusion, Neck
from bench.config.compose import configuration
from bench.config.schema import FiamConfig, ModelConfig
from bench.models.build import DECODERS, FUSIONS, NECKS, build
from bench.training.losses import segmentation_loss
from fianet.fiam import AddObjectAtPosition
from fianet.segmenter import Segmenter
from fianet.text import NoText, TextEncoder

VOCABULARY = 50
SIZE = 48


def tiny(**changes: object) -> ModelConfig:
    return replace(configuration(["scale=tiny"]).model, **changes)  # type: ignore[arg-type]


@dataclass
class Inputs:
    image: Tensor
    ids: Tensor
    context_mask: Tensor
    object_mask: Tensor
    position_mask: Tensor


def inputs() -> Inputs:
    torch.manual_seed(3)
    ids = torch.randint(5, VOCABULARY, (2, 8))
    context, object_, position = torch.zeros(3, 2, 8, dtype=torch.int64)
    context[:, :7] = 1
    object_[:, 1:3] = 1
    position[:, 3:6] = 1
    return Inputs(torch.randn(2, 3, SIZE, SIZE), ids, context, object_, position)


def logits(model: Segmenter, given: Inputs) -> Tensor:
    return model(**vars(given))


def phrases(model: Segmenter) -> tuple[str, ...]:
    assert isinstance(model.text, TextEncoder)
    return model.text.phrases


@pytest.mark.parametrize(("fusion", "neck", "decoder"), list(product(FUSIONS, NECKS, DECODERS)))
def test_any_mixture_trains_a_step_and_evaluates(fusion: str, neck: str, decoder: str) -> None:
    config = tiny(fusion=fusion, neck=neck, decoder=decoder)
    model = build(config, VOCABULARY, SIZE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss = segmentation_loss(logits(model, inputs()), torch.ones(2, SIZE, SIZE, dtype=torch.int64))
    loss.backward()
    optimiser.step()
    assert loss.isfinite()
    with torch.inference_mode():
        assert logits(model.eval(), inputs()).isfinite().all()
    assert logits(model.train(), inputs()).requires_grad, "evaluating must leave the model trainable"


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["base", "paper"])
@pytest.mark.parametrize("decoder", DECODERS)
def test_any_mixture_fits_together_at_larger_scales(scale: str, decoder: str) -> None:
    """Shapes alone: nothing is computed."""
    config = configuration([f"scale={scale}", "model.text.pretrained=null", "model.encoder.pretrained=null"])
    size = config.recipe.size
    for fusion, neck in product(FUSIONS, NECKS):
        with torch.device("meta"):
            model = build(replace(config.model, fusion=fusion, neck=neck, decoder=decoder), 30522, size)
            words = torch.ones(2, 22, dtype=torch.int64)
            found = model(torch.zeros(2, 3, size, size), words, words, words, words)
        assert found.shape == (2, 2, size, size), (fusion, neck)


def test_everything_that_can_be_configured_can_be_built() -> None:
    assert [set(FUSIONS), set(NECKS), set(DECODERS)] == [set(Fusion), set(Neck), set(Decoder)]


@pytest.mark.parametrize(
    ("object_", "position", "read"),
    [
        (False, False, ("context",)),
        (True, False, ("context", "object")),
        (False, True, ("context", "position")),
        (True, True, ("context", "object", "position")),
    ],
)
def test_fiam_encodes_only_the_phrases_its_components_read(
    object_: bool, position: bool, read: tuple[str, ...]
) -> None:
    model = build(tiny(fiam=FiamConfig(object=object_, position=position)), VOCABULARY).eval()
    assert phrases(model) == read
    given = inputs()
    before = logits(model, given)
    for name in ("object", "position"):
        other = replace(given, **{f"{name}_mask": given.context_mask})
        assert torch.equal(logits(model, other), before) == (name not in read)


def test_models_of_the_context_alone_encode_the_sentence_once() -> None:
    model = build(tiny(fusion="pwam"), VOCABULARY)
    seen = []
    model.text.bert.register_forward_hook(
        lambda module, _, output: seen.append(output.last_hidden_state.shape[0])
    )
    logits(model, inputs())
    assert seen == [2]


def test_language_blind_models_have_no_text_encoder_and_ignore_the_words() -> None:
    model = build(tiny(fusion="none", neck="tmem_blind"), VOCABULARY).eval()
    assert isinstance(model.text, NoText)
    given = inputs()
    assert torch.equal(logits(model, given), logits(model, replace(given, ids=given.ids + 1)))


def test_variants_of_one_seed_start_from_the_same_shared_weights() -> None:
    def encoder_and_decoder(fusion: str, neck: str) -> list[Tensor]:
        torch.manual_seed(0)
        model = build(tiny(fusion=fusion, neck=neck), VOCABULARY)
        return [*model.encoder.parameters(), *model.decoder.parameters()]

    for one, other in zip(
        encoder_and_decoder("none", "none"), encoder_and_decoder("fiam", "tmem"), strict=True
    ):
        assert torch.equal(one, other)


def test_object_words_reach_the_map_only_in_the_direct_variant() -> None:
    """FIANet hands the decoder the context-only map of each stage: its first map cannot know the object."""
    for fusion, reaches in (("fiam", False), ("fiam_direct", True)):
        model = build(tiny(fusion=fusion, neck="none"), VOCABULARY).eval()
        assert isinstance(model.fusions[0].alignment, AddObjectAtPosition)
        first_maps: list[Tensor] = []
        model.neck.register_forward_hook(lambda module, given, _, kept=first_maps: kept.append(given[0][0]))
        given = inputs()
        logits(model, given)
        logits(model, replace(given, object_mask=given.context_mask))
        assert torch.equal(*first_maps) != reaches
