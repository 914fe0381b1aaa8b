"""A job that starts after its data or weights were changed ends, and says which."""

import shutil
from pathlib import Path

import pytest
import torch

from bench.config.compose import configuration
from bench.config.request import Request
from bench.models.build import build
from bench.models.reference_keys import reference_key
from bench.storage.cell import Cell
from bench.study.prepare import prepare
from bench.training.cell import run_cell
from bench.training.unchanged import check_unchanged
from fianet.text import random_bert
from fianet.tokens import SHIPPED, Tokenizer


@pytest.fixture
def words(drawn: list[str], tmp_path: Path) -> list[str]:
    """A small cell on a data set of this test's own."""
    prepare(Request.parse(drawn))
    (root,) = [word.partition("=")[2] for word in drawn if word.startswith("data.root=")]
    shutil.copytree(root, tmp_path / "mine")
    others = [word for word in drawn if not word.startswith(("data.", "recipe.epochs="))]
    own = ["data=rrsisd", f"data.root={tmp_path / 'mine'}", f"data.cache={tmp_path / 'cache'}"]
    return [*others, *own, "recipe.epochs=1", f"store={tmp_path / 'runs'}", "tracking.enabled=false"]


def planned(words: list[str]) -> Cell:
    plan = prepare(Request.parse(words))
    plan.write("test")
    (cell,) = plan.stored()
    return cell


def ended(cell: Cell) -> str:
    """Why it failed, without having trained a step."""
    assert run_cell(cell)
    state = cell.state()
    assert state["state"] == "failed"
    assert not cell.history()
    assert not cell.checkpoints.exists()
    assert "run the command again" in state["error"]
    return str(state["cause"])


def test_an_image_that_changed_after_planning_ends_the_job(words: list[str], tmp_path: Path) -> None:
    cell = planned(words)
    image, other, *_ = sorted((tmp_path / "mine/images/rrsisd/JPEGImages").iterdir())
    before = image.read_bytes()
    image.write_bytes(other.read_bytes())
    assert ended(cell) == (
        f"data.root={tmp_path / 'mine'}: changed since this cell was planned; nothing was trained with it."
    )
    image.write_bytes(before)
    run_cell(cell)
    assert cell.done, "what was there is back, under another time"


def test_encoder_weights_that_changed_end_the_job(words: list[str], tmp_path: Path) -> None:
    config = configuration(words).model
    names = {
        key: reference_key(key, config).removeprefix("backbone.")
        for key in build(config, Tokenizer.load(None).vocab_size, 32).state_dict()
        if key.startswith("encoder.")
    }
    file = tmp_path / "swin.pth"

    def release(seed: int) -> None:
        torch.manual_seed(seed)
        state = build(config, Tokenizer.load(None).vocab_size, 32).state_dict()
        torch.save({name: state[key] for key, name in names.items()}, file)

    release(seed=1)
    cell = planned([*words, f"model.encoder.pretrained={file}"])
    release(seed=2)
    assert ended(cell).startswith(f"model.encoder.pretrained={file}: changed since")


def test_a_text_encoder_that_changed_ends_the_job(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "bert"
    vocab_size = Tokenizer.load(None).vocab_size
    random_bert(vocab_size, width=16, layers=1, heads=2, dropout=0.0).save_pretrained(folder)
    shutil.copy(SHIPPED / "vocab.txt", folder)
    cell = planned([*words, f"model.text.pretrained={folder}"])
    random_bert(vocab_size, width=16, layers=1, heads=2, dropout=0.0).save_pretrained(folder)
    assert ended(cell).startswith(f"model.text.pretrained={folder}: changed since")


def test_scored_weights_that_changed_or_are_gone_end_the_job(words: list[str], tmp_path: Path) -> None:
    file = tmp_path / "released.pth"
    file.write_bytes(b"one")
    cell = planned([*words, f"weights={file}"])
    file.write_bytes(b"other")
    assert ended(cell).startswith(f"weights={file}: changed since")
    file.unlink()
    assert ended(cell).startswith(f"weights={file}: changed since")


def test_cells_of_other_versions_are_compared_in_what_they_say(words: list[str]) -> None:
    check_unchanged({"seed": 0}, configuration(words))
