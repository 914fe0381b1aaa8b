"""Weights of timm's backbones: under its names, or in its order; anything else is refused by name."""

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from bench.config.choices import EncoderKind
from bench.config.schema import EncoderConfig, ModelConfig, TextConfig
from bench.models.build import build
from bench.models.pretrained_timm import load_timm
from bench.models.read_weights import State
from bench.terminal.errors import UserError
from fianet.timm_encoder import TimmEncoder

NAME = "test_efficientnet"


@pytest.fixture
def state() -> State:
    torch.manual_seed(5)
    weights = timm.create_model(NAME).state_dict()
    return {key: torch.rand_like(value) if value.ndim else value for key, value in weights.items()}


def encoder() -> TimmEncoder:
    return TimmEncoder(NAME, 0.0, (64, 64))


def saved(state: State, path: Path) -> str:
    save_file(state, path) if path.suffix == ".safetensors" else torch.save(state, path)
    return str(path)


def holds(ours: TimmEncoder, state: State) -> bool:
    own = ours.state_dict()
    return all(torch.equal(own[key], state[theirs]) for key, theirs in ours.timm_names.items())


@pytest.mark.parametrize("file", ["backbone.pth", "backbone.safetensors"])
def test_files_with_timms_names_are_read(file: str, state: State, tmp_path: Path) -> None:
    ours = encoder()
    norms = [weight.clone() for weight in ours.norms.parameters()]
    load_timm(ours, NAME, saved(state, tmp_path / file))
    assert holds(ours, state)
    assert all(map(torch.equal, ours.norms.parameters(), norms))


def test_files_without_a_head_or_counters_are_read(state: State, tmp_path: Path) -> None:
    bare = {key: value for key, value in state.items() if "classifier" not in key and "tracked" not in key}
    ours = encoder()
    load_timm(ours, NAME, saved(bare, tmp_path / "backbone.pth"))
    own = ours.state_dict()
    assert all(
        torch.equal(own[key], bare[theirs]) for key, theirs in ours.timm_names.items() if theirs in bare
    )


def test_other_names_in_the_same_order_are_read(state: State, tmp_path: Path) -> None:
    other = {"_" + key.replace("conv", "layer"): value for key, value in state.items()}
    ours = encoder()
    load_timm(ours, NAME, saved(other, tmp_path / "backbone.pth"))
    assert holds(ours, state)


def test_other_names_in_another_order_are_refused(state: State, tmp_path: Path) -> None:
    keys = list(state)
    weight, bias = keys.index("bn1.weight"), keys.index("bn1.bias")
    keys[weight], keys[bias] = keys[bias], keys[weight]
    file = saved({f"_{key}": state[key] for key in keys}, tmp_path / "backbone.pth")
    with pytest.raises(
        UserError, match=rf"{file}: has other names than {NAME}, and another order: _bn1\.bias"
    ):
        load_timm(encoder(), NAME, file)


def test_other_names_and_another_number_of_weights_are_refused(state: State, tmp_path: Path) -> None:
    file = saved({f"_{key}": value for key, value in list(state.items())[1:]}, tmp_path / "backbone.pth")
    with pytest.raises(UserError, match=rf"has other names than {NAME}, and \d+ weights, not \d+"):
        load_timm(encoder(), NAME, file)


def test_weights_that_are_missing_or_of_another_shape_are_named(state: State, tmp_path: Path) -> None:
    state["conv_stem.weight"] = torch.zeros(4, 3, 3, 3)
    del state["blocks.1.0.bn1.weight"]
    with pytest.raises(UserError, match=r"conv_stem\.weight is \(4, 3, 3, 3\).*bn1\.weight missing") as error:
        load_timm(encoder(), NAME, saved(state, tmp_path / "backbone.pth"))
    assert error.value.what.startswith("model.encoder.pretrained=")
    assert NAME in error.value.remedy


def test_a_model_is_built_with_them(state: State, tmp_path: Path) -> None:
    file = saved(state, tmp_path / "backbone.pth")
    sizes = EncoderConfig(kind=EncoderKind.timm, name=NAME, pretrained=file, trained_stages=1)
    model = build(ModelConfig(encoder=sizes, text=TextConfig(width=16, layers=1, heads=1)), 30, 64)
    assert isinstance(model.encoder, TimmEncoder)
    assert holds(model.encoder, state)
    assert not model.encoder.patch_embed.weight.requires_grad
