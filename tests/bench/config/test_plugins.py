"""A model of another package, installed for real, takes part in everything."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.storage.store import Store

SOURCE = '''
from torch import nn


class Mean(nn.Module):
    """Logits from the mean colour of each pixel and the first word."""

    def __init__(self, vocab_size):
        super().__init__()
        self.word = nn.Embedding(vocab_size, 2)
        self.pixel = nn.Conv2d(3, 2, 1)

    def forward(self, image, ids, context_mask, object_mask, position_mask):
        return self.pixel(image) + self.word(ids[:, 1])[:, :, None, None]


def build(model, vocab_size, size):
    return Mean(vocab_size)


'''
STUDY = """
title: Theirs and ours
reference: ours
rows:
  theirs: {label: MeanNet, model: meannet}
  ours: {label: FIANet, model: fianet}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package with one model."""
    folder = tmp_path_factory.mktemp("theirs")
    wheel = folder / "theirs-1.2-py3-none-any.whl"
    info = "theirs-1.2.dist-info"
    with zipfile.ZipFile(wheel, "w") as package:
        package.writestr("theirs.py", SOURCE)
        package.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
        package.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        package.writestr(
            f"{info}/entry_points.txt",
            "[fianet_bench.models]\nmeannet = theirs:build\nlost = theirs:nowhere\nfianet = theirs:build\n",
        )
        package.writestr(
            f"{info}/RECORD",
            f"theirs.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/entry_points.txt,,\n{info}/RECORD,,\n",
        )
    site = folder / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
    ]
    subprocess.run([*pip, str(wheel)], check=True)
    return site


@pytest.fixture
def environment(environment: dict[str, str], installed: Path) -> dict[str, str]:
    return {**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(installed)])}


def test_model_of_another_package_is_listed(command) -> None:
    for words in (("bench.run", "--help"), ("bench.registry",)):
        done = command(*words)
        assert "meannet" in done.stdout, done.stderr
        assert "from theirs 1.2" in done.stdout
    listed = command("bench.registry", "--json").stdout
    assert '"fianet": "FIANet' in listed, "a shipped name stays ours"


def test_model_of_another_package_is_trained_and_is_a_row_of_the_table(
    command, drawn, tmp_path: Path
) -> None:
    (tmp_path / "both.yaml").write_text(STUDY)
    done = command("bench.run", "ablation=both.yaml", *drawn, "recipe.epochs=1", "launcher=inline")
    assert done.returncode == 0, done.stderr
    assert "MeanNet" in done.stdout
    theirs = [
        cell for cell in Store(tmp_path / "runs").cells() if cell.config()["model"]["name"] == "meannet"
    ]
    assert [cell.description()["identity"]["model"]["plugin"] for cell in theirs] == ["theirs 1.2"]


def test_builder_that_cannot_be_imported_fails_its_cell_and_says_why(command, drawn, tmp_path: Path) -> None:
    done = command("bench.run", "model=lost", *drawn, "launcher=inline", "tracking.enabled=false")
    assert done.returncode == 1
    (cell,) = Store(tmp_path / "runs").cells()
    assert "theirs:nowhere of theirs 1.2 cannot be imported" in cell.state()["cause"]
