"""Reading released checkpoints: what is recognised, what is refused, and that nothing in them runs."""

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.config.schema import EncoderConfig, ModelConfig, TextConfig, TmemConfig
from bench.models.build import build
from bench.models.read_weights import read_state
from bench.models.reference_keys import reference_key
from bench.terminal.errors import UserError
from bench.weights import load_reference
from fianet.segmenter import Segmenter

VOCABULARY = 40
CONFIGS = {
    "lavt": ModelConfig(name="lavt", fusion="pwam", neck="none"),
    "lgce": ModelConfig(name="lgce", fusion="pwam", neck="lgce"),
    "fianet": ModelConfig(tmem=TmemConfig(blocks=2)),
}


def small(name: str) -> ModelConfig:
    config = CONFIGS[name]
    config.encoder = EncoderConfig(embed_dim=16, depths=[1, 2, 3, 1], heads=[1, 2, 4, 8], window=5)
    config.text = TextConfig(width=128, layers=3, heads=2)
    return config


def released(name: str) -> tuple[Segmenter, dict[str, Tensor]]:
    """A model of ours and its weights under the released names."""
    config = small(name)
    torch.manual_seed(0)
    model = build(config, VOCABULARY).eval()
    return model, {reference_key(key, config): value.clone() for key, value in model.state_dict().items()}


def save(content: object, folder: Path) -> Path:
    torch.save(content, folder / "released.pth")
    return folder / "released.pth"


def answer(model: Segmenter) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    ones = torch.ones(1, 6, dtype=torch.int64)
    ids = torch.randint(0, VOCABULARY, (1, 6), generator=draw)
    with torch.no_grad():
        return model(torch.randn(1, 3, 64, 64, generator=draw), ids, ones, ones, ones)


LAYOUTS: dict[str, Callable[[dict[str, Tensor]], Any]] = {
    "plain": lambda state: state,
    "under model": lambda state: {"model": state, "epoch": 3, "args": argparse.Namespace(lr=1e-4)},
    "data parallel": lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
    "compiled, in parallel": lambda state: {
        "state_dict": {f"module._orig_mod.{key}": value for key, value in state.items()}
    },
    "compiled parts": lambda state: {
        "model_state_dict": {key.replace(".", "._orig_mod.", 1): value for key, value in state.items()}
    },
    "averaged": lambda state: {"ema": {"module": {f"module.module.{k}": v for k, v in state.items()}}},
    "numbers beside": lambda state: {**state, "epoch": np.int64(3), "best": np.float64(0.5), "name": "x"},
    "scores beside": lambda state: {"model": state, "mIoU": np.float32(0.5), "history": [np.float64(1)]},
    "in two parts": lambda state: {
        "model": {key: value for key, value in state.items() if not key.startswith("text_encoder.")},
        "bert_model": {
            "module." + key.removeprefix("text_encoder."): value
            for key, value in state.items()
            if key.startswith("text_encoder.")
        },
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CONFIGS)
def test_released_layouts_are_read_and_sizes_recognised(name: str, layout: str, tmp_path: Path) -> None:
    model, state = released(name)
    loaded = load_reference(save(LAYOUTS[layout](state), tmp_path))
    assert not loaded.training
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert torch.equal(answer(loaded), answer(model))


def test_fusion_heads_change_the_answer_but_not_the_weights(tmp_path: Path) -> None:
    _, state = released("lavt")
    path = save(state, tmp_path)
    one, more = load_reference(path), load_reference(path, fusion_heads=(2, 2, 4, 4))
    assert not torch.equal(answer(one), answer(more))
    assert all(torch.equal(value, more.state_dict()[key]) for key, value in one.state_dict().items())


def test_known_unused_weights_are_ignored_by_name(tmp_path: Path) -> None:
    model, state = released("fianet")
    state["backbone.layers.0.blocks.0.attn.relative_position_index"] = torch.zeros(25, 25, dtype=torch.int64)
    state["backbone.layers.3.object_position_align_blk.go_embedding.weight"] = torch.zeros(128, 128)
    state["text_encoder.embeddings.position_ids"] = torch.arange(512)[None]
    state["text_encoder.pooler.dense.weight"] = torch.zeros(128, 128)
    assert torch.equal(answer(load_reference(save(state, tmp_path))), answer(model))


def test_missing_left_over_and_misshapen_weights_are_listed(tmp_path: Path) -> None:
    _, state = released("fianet")
    del state["classifier.bn1_3.weight"]
    del state["backbone.layers.1.fc1.bias"]
    state["backbone.layers.1.extra.weight"] = torch.zeros(2)
    state["classifier.conv1_1.bias"] = torch.zeros(3)
    with pytest.raises(UserError) as error:
        load_reference(save(state, tmp_path))
    for name in ("classifier.bn1_3.weight", "backbone.layers.1.fc1.bias", "backbone.layers.1.extra.weight"):
        assert name in error.value.what
    assert "classifier.conv1_1.bias (3,) instead of (2,)" in error.value.what


@pytest.mark.parametrize(
    "content",
    [
        {},
        [1, 2],
        {"weight": torch.zeros(2)},
        {"backbone.layers.0.res_gate.0.weight": torch.zeros(2, 2)},
        {"model": 3},
        {"model": {"backbone.layers.0.res_gate.0.weight": 3}},
    ],
)
def test_files_that_hold_something_else_are_user_errors(content: object, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        load_reference(save(content, tmp_path))


def test_no_file_and_no_checkpoint_are_user_errors(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        load_reference(tmp_path / "none.pth")
    whole = save({"weight": torch.zeros(2)}, tmp_path).read_bytes()
    contents = {"something else": b"not a checkpoint", "cut off": whole[: len(whole) // 2], "damaged": b""}
    for why, content in contents.items():
        (tmp_path / "x.pth").write_bytes(content)
        with pytest.raises(UserError, match=rf"x\.pth: .*{why}") as error:
            load_reference(tmp_path / "x.pth")
        assert len(str(error.value).splitlines()) == 2


def test_hostile_checkpoint_does_not_execute(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    for content in (Hostile(), {"model": {}, "args": Hostile()}):
        path = save(content, tmp_path)
        with pytest.raises(UserError, match=r"read safely \(it asks for ") as error:
            load_reference(path)
        assert "weights_only" not in str(error.value)
        assert not (tmp_path / "executed").exists()


def test_options_stored_beside_the_weights_may_not_smuggle_a_class(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "executed",)

    path = save({"model": {}, "args": argparse.Namespace(hidden=Hostile())}, tmp_path)
    with pytest.raises(UserError, match="read safely"):
        read_state(path)
    assert not (tmp_path / "executed").exists()


def test_cim_weights_of_another_image_size_name_both_sizes(tmp_path: Path) -> None:
    config = ModelConfig(name="rmsin", fusion="iim", neck="cim", decoder="rotated")
    config.encoder = EncoderConfig(embed_dim=16, depths=[1, 1, 1, 1], heads=[1, 2, 4, 8], window=5)
    config.text = TextConfig(width=64, layers=1, heads=1)
    state = build(config, VOCABULARY, 480).state_dict()
    path = save({reference_key(key, config): value for key, value in state.items()}, tmp_path)
    with pytest.raises(UserError, match=r"made for images of 480 px, not 320 px") as error:
        load_reference(path, size=320)
    assert "recipe.size" in error.value.remedy
    assert load_reference(path, size=480).neck.mixer.size == (15, 15)


def test_two_weights_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two weights are a"):
        read_state(save({"a": torch.ones(1), "module.a": torch.zeros(1)}, tmp_path))


def test_arrays_of_numpy_are_refused_with_what_to_save(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        read_state(save({"a": torch.ones(1), "b": np.ones(3)}, tmp_path))
    assert "numpy" in error.value.what
    assert "torch.save(model.state_dict()" in error.value.remedy


def test_an_archive_that_grows_when_it_is_read_is_refused_unread(tmp_path: Path) -> None:
    path = save({"a": torch.zeros(250_000)}, tmp_path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match=r"that unpack to 1\.0 MB"):
        read_state(path)


@pytest.mark.parametrize("content", [torch.zeros(3), [torch.zeros(3)], None, 5])
def test_what_has_no_names_is_called_what_it_is(tmp_path: Path, content: object) -> None:
    with pytest.raises(UserError, match=f"holds one {type(content).__name__}, not weights by their names"):
        read_state(save(content, tmp_path))


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_with_which_nothing_is_found_are_refused(tmp_path: Path, number: float) -> None:
    _, state = released("lavt")
    name = next(key for key, value in state.items() if value.is_floating_point())
    state[name].view(-1)[-1] = number
    with pytest.raises(UserError, match=f"NaN or infinity is among the numbers of {name}"):
        load_reference(save(state, tmp_path))


def test_weights_that_were_rounded_are_refused(tmp_path: Path) -> None:
    _, state = released("lavt")
    with pytest.raises(UserError, match="no fractions, which weights are"):
        load_reference(save({key: value.int() for key, value in state.items()}, tmp_path))
