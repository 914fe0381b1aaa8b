"""What a plan refuses before anything starts: training from random weights that nobody asked for."""

from pathlib import Path

import pytest

from bench.config.compose import configuration
from bench.config.identity import cell_id, identity
from bench.config.request import Request
from bench.config.schema import ModelConfig
from bench.models.build import build
from bench.models.vocabulary import configured_tokenizer
from bench.profiling.counts import vocabulary_size
from bench.run import run
from bench.storage.model_costs import architecture
from bench.study.prepare import prepare
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer

TEXT = "model.text.pretrained=random"
ENCODER = "model.encoder.pretrained=random"
RELEASED = {"paper": "swin_base_patch4_window12_384_22k.pth", "base": "swin_tiny_patch4_window7_224_22k.pth"}


def refusal(words: list[str]) -> UserError:
    with pytest.raises(UserError) as error:
        prepare(Request.parse(words))
    return error.value


@pytest.mark.parametrize("more", [[], ["model.encoder.pretrained=null"]])
@pytest.mark.parametrize("scale", RELEASED)
def test_larger_scales_ask_for_the_encoders_weights(scale: str, more: list[str], drawn: list[str]) -> None:
    refused = refusal([*drawn, f"scale={scale}", TEXT, *more])
    assert refused.what == f"model.encoder.pretrained: scale={scale} needs pretrained weights."
    for way in (RELEASED[scale], "timm name", "`random`"):
        assert way in refused.remedy


@pytest.mark.parametrize("pretrained", ["null", "required"])
def test_larger_scales_ask_for_the_texts_weights(pretrained: str, drawn: list[str]) -> None:
    refused = refusal([*drawn, "scale=paper", ENCODER, f"model.text.pretrained={pretrained}"])
    assert refused.what == "model.text.pretrained: scale=paper needs pretrained weights."
    for way in ("DIR", "bert-base-uncased", "`random`"):
        assert way in refused.remedy


def test_a_dry_run_says_the_same(drawn: list[str]) -> None:
    with pytest.raises(UserError, match=r"model\.encoder\.pretrained: scale=paper needs"):
        run([*drawn, "scale=paper", "dry_run=true"])


def test_random_said_on_purpose_is_planned_and_changes_no_id(drawn: list[str]) -> None:
    plan = prepare(Request.parse([*drawn, "scale=paper", TEXT, ENCODER]))
    (planned,) = plan.cells
    assert planned.config.model.encoder.pretrained == planned.config.model.text.pretrained == "random"
    assert planned.identity["model"]["encoder"]["pretrained"] is None
    small = prepare(Request.parse([*drawn, TEXT, ENCODER])).cells[0]
    assert small.id == prepare(Request.parse(drawn)).cells[0].id


def test_scored_weights_are_not_asked_what_they_started_from(drawn: list[str], tmp_path: Path) -> None:
    (tmp_path / "released.pth").write_bytes(b"any")
    words = [*drawn, "scale=paper", TEXT, f"weights={tmp_path / 'released.pth'}"]
    assert prepare(Request.parse(words)).cells[0].identity["weights"]


def test_tiny_models_start_from_nothing_without_being_asked(drawn: list[str]) -> None:
    assert configuration(drawn).model.encoder.pretrained is None
    assert prepare(Request.parse(drawn)).cells


def test_random_is_the_shipped_vocabulary_everywhere(drawn: list[str]) -> None:
    said, usual = configuration([*drawn, TEXT, ENCODER]), configuration(drawn)
    shipped = Tokenizer.load(None).vocab_size
    assert configured_tokenizer(said).vocab_size == vocabulary_size(said.model) == shipped
    assert architecture(said) == architecture(usual)
    assert cell_id(identity(said, 0, "f", str)) == cell_id(identity(usual, 0, "f", str))
    build(said.model, shipped, said.recipe.size)


@pytest.mark.parametrize("part", ["encoder", "text"])
def test_a_model_is_not_built_where_nothing_was_chosen(part: str) -> None:
    config = ModelConfig()
    getattr(config, part).pretrained = "required"
    with pytest.raises(UserError, match=rf"model\.{part}\.pretrained: nothing was chosen"):
        build(config, 30)
