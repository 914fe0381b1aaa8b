"""What our own changes to FIANet are for."""

import pytest
import torch
from torch import Tensor

from bench.config.compose import configuration
from bench.config.identity import identity
from bench.models.build import build
from fianet.attention import ImageLanguageAttention, channel_norm, instance_norm
from fianet.decoder import ClassifyPixels
from fianet.fiam import PlacedBranch, PositionBranch, coordinates
from fianet.remembered import remember
from fianet.text import ContextualText, Phrase, TextEncoder, freeze_bert, random_bert
from fianet.tmem import ResidualCrossScale, tmem

VOCABULARY = 50


def one_word() -> Phrase:
    mask = torch.zeros(2, 5, dtype=torch.int64)
    mask[:, 1] = 1
    return Phrase(torch.randn(2, 5, 8), mask)


@pytest.mark.parametrize(("norm", "heard"), [(instance_norm, False), (channel_norm, True)])
def test_a_phrase_of_one_word_is_heard_only_where_channels_are_normed(norm: object, heard: bool) -> None:
    torch.manual_seed(0)
    attention = ImageLanguageAttention(16, 8, norm=norm)  # type: ignore[arg-type]
    gathered = attention(torch.randn(2, 9, 16), one_word())
    assert (gathered.abs().max().item() > 0.5) == heard
    assert gathered.std(dim=1).max() < 1e-2  # the same at every position, heard or not


def test_coordinates_are_symmetric_about_the_middle_and_know_no_image_size() -> None:
    found = coordinates(torch.zeros(1, 4, 6, 3))
    assert found.shape == (4, 6, 6)
    right, down, *even = found.unbind(-1)
    torch.testing.assert_close(right, -right.flip(1))
    torch.testing.assert_close(down, -down.flip(0))
    for each in (even[0], even[1], even[3]):
        torch.testing.assert_close(each, each.flip(0, 1))
    assert found.abs().max() < 2**0.5


def test_position_words_tell_two_places_of_a_plain_image_apart_only_with_coordinates() -> None:
    plain = torch.ones(1, 4, 4, 16)
    words = {"position": Phrase(torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.int64))}
    for kind, apart in ((PositionBranch, False), (PlacedBranch, True)):
        torch.manual_seed(0)
        where = kind(16, 8, 1)(plain, words)[0, 1:3, 1:3]  # away from the convolution's border
        assert (where.std().item() > 1e-4) == apart


@pytest.mark.parametrize("hidden", [16, 96])
def test_sixteen_pixels_of_a_position_are_told_apart(hidden: int) -> None:
    logits = ClassifyPixels(hidden)(torch.randn(2, hidden, 3, 5))
    assert logits.shape == (2, 2, 12, 20)
    assert logits[0, 0, :4, :4].std() > 0


def test_residual_tmem_begins_by_adding_nothing_and_learns() -> None:
    torch.manual_seed(0)
    neck = tmem([8, 16, 32, 64], 8, 1, ResidualCrossScale).train()
    maps = [torch.randn(2, width, 16 >> index, 16 >> index) for index, width in enumerate((8, 16, 32, 64))]
    words = {"context": Phrase(torch.randn(2, 5, 8), torch.ones(2, 5, dtype=torch.int64))}
    found = neck(maps, words)
    for one, other in zip(found, maps, strict=True):
        torch.testing.assert_close(one, other)
    sum(each.square().sum() for each in found).backward()
    assert neck.gates[0].local[1].weight.grad.abs().sum() > 0


def test_contextual_phrases_share_one_pass_and_keep_their_masks() -> None:
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0).eval()
    ids, mask = torch.randint(1, VOCABULARY, (2, 6)), torch.ones(2, 6, dtype=torch.int64)
    objects = mask.clone()
    objects[:, 2:] = 0
    calls: list[Tensor] = []
    bert.register_forward_pre_hook(lambda module, given, named: calls.append(ids), with_kwargs=True)
    read = ContextualText(bert, {"context", "object"})(ids, mask, objects, mask)
    assert len(calls) == 1
    assert read["object"].features is read["context"].features
    assert torch.equal(read["object"].mask, objects)


def test_changes_are_in_the_identity_and_their_absence_is_not() -> None:
    def known(*words: str) -> dict[str, object]:
        return identity(configuration([*words]), 0, "data", str)["model"]

    plain = known("model=fianet")
    assert "norm" not in plain["fiam"]
    assert "phrases" not in plain["text"]
    assert known("model=fianet_plus")["fiam"]["norm"] == "channels"
    assert known("model=fianet", "model.text.phrases=contextual")["text"]["phrases"] == "contextual"


def test_fianet_plus_has_fianets_parameters_and_no_more() -> None:
    sizes = []
    for name in ("fianet", "fianet_plus"):
        model = build(configuration([f"model={name}", "scale=tiny"]).model, VOCABULARY, 96)
        sizes.append([(key, value.shape) for key, value in model.state_dict().items()])
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("kind", [TextEncoder, ContextualText])
def test_a_frozen_encoder_that_is_remembered_reads_phrases_as_it_did(kind: type[TextEncoder]) -> None:
    torch.manual_seed(0)
    bert = random_bert(VOCABULARY, width=32, layers=2, heads=2, dropout=0.0)
    freeze_bert(bert, trained_layers=0, train_embeddings=False)
    text = kind(bert, {"context", "object", "position"})
    ids, mask = torch.randint(1, VOCABULARY, (2, 6)), torch.ones(2, 6, dtype=torch.int64)
    objects, places = mask.clone(), mask.clone()
    objects[:, 2:] = 0
    places[:, :3] = 0
    plain = text(ids, mask, objects, places)
    remember(text)
    for name, phrase in text(ids, mask, objects, places).items():
        torch.testing.assert_close(phrase.features, plain[name].features)
        assert torch.equal(phrase.mask, plain[name].mask)


def test_what_nothing_reads_is_not_in_the_identity() -> None:
    def known(*words: str) -> dict[str, object]:
        return identity(configuration([*words]), 0, "data", str)["model"]

    read = "model.text.phrases=contextual"
    assert known("model=lavt", read) == known("model=lavt")
    alone = ["model=fianet", "model.fiam.object=false", "model.fiam.position=false"]
    assert known(*alone, read) == known(*alone)
    objects = ["model=fianet", "model.fiam.position=false"]
    assert known(*objects, "model.fiam.coordinates=true") == known(*objects)
    assert known("model=fianet", "model.fiam.coordinates=true") != known("model=fianet")
