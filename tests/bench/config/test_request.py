"""What a user types is what a path is, and the same in every file that keeps it."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from bench.config.compose import configuration, plain, restore
from bench.config.request import Request
from bench.terminal.command_line import word
from bench.terminal.errors import UserError

FOLDER = "/tmp/my data/a=b [x],{y} 'q' \"d\" ${data.name} $HOME #1 100% \\${z}\\/数据"
ODD = st.text(st.sampled_from("ab /=[],{}'\"`$#%\\:;!?*数"), min_size=1).map(
    lambda text: text.replace("$", "${")
)


@given(ODD)
@settings(deadline=None)
def test_every_path_comes_through(path: str) -> None:
    given = word("data.root", path).removeprefix("data.root=")
    read = OmegaConf.create({"root": Request.parse([f"data.root={given}"]).value("data.root")})
    assert read.root == given


def test_odd_folder_is_configured_stored_and_read_back_as_typed() -> None:
    keys = ("data.root", "store", "weights", "model.text.pretrained", "tracking.uri", "ablation")
    config = configuration(f"{key}={FOLDER}" for key in keys)
    assert (config.data.root, config.store, config.ablation) == (FOLDER, FOLDER, FOLDER)
    assert restore(plain(config)) == config


def test_text_quoted_for_hydra_is_still_understood() -> None:
    assert configuration(["data.root='a, \\'b\\''", 'name="1e3"']).data.root == "a, 'b'"
    assert configuration(["name=007", "launcher.time=4:00:00"]).name == "007"
    assert configuration(["weights=null"]).weights is None


def test_home_folder_is_meant_wherever_a_path_is_given(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "my recipe.yaml").write_text(
        "model: {text: {pretrained: '~/数据, 1'}}\nrecipe: {lr: 1.0e-3}\n"
    )
    given = [
        "data.root=~/a",
        "data.cache=~/b",
        "store=~/c",
        "model.encoder.pretrained=~/d",
        "ablation=~/e.yaml",
    ]
    config = configuration([*given, "recipe=~/my recipe.yaml", "name=~/f"])
    found = [
        config.data.root,
        config.data.cache,
        config.store,
        config.model.encoder.pretrained,
        config.ablation,
    ]
    assert found == [str(tmp_path / name) for name in ("a", "b", "c", "d", "e.yaml")]
    assert config.model.text.pretrained == str(tmp_path / "数据, 1")
    assert (config.recipe.lr, config.name) == (1e-3, "~/f")


def test_keys_that_hold_no_text_keep_hydras_grammar() -> None:
    assert configuration(["seeds=[0, 1]"]).seeds == [0, 1]
    with pytest.raises(UserError, match=r"seeds=\[0: this value is not in Hydra's grammar"):
        configuration(["seeds=[0"])
