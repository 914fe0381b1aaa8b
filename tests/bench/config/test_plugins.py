"""A model of another package, installed for real, takes part in everything."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.config.compose import configuration
from bench.profiling.counts import count
from bench.profiling.memory import kept_for_backward, weightless, weights
from bench.storage.store import Store
from bench.terminal.errors import UserError

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


class Careful(Mean):
    """A model that looks at numbers when it is made and while it runs."""

    def __init__(self, vocab_size):
        super().__init__(vocab_size)
        self.scale = float(self.pixel.weight.detach().abs().max())

    def forward(self, image, ids, *masks):
        return super().forward(image, ids, *masks) * (1 + 0 * float(image.sum()))


def build(model, vocab_size, size):
    return Mean(vocab_size)


def careful(model, vocab_size, size):
    return Careful(vocab_size)


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
            "[fianet_bench.models]\nmeannet = theirs:build\ncareful = theirs:careful\n"
            "lost = theirs:nowhere\nfianet = theirs:build\n",
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


@pytest.mark.slow
def test_model_of_another_package_is_exported_predicts_and_is_profiled(
    command, drawn, tmp_path: Path
) -> None:
    words = ["model=meannet", *drawn, "recipe.epochs=1", "launcher=inline", "tracking.enabled=false"]
    done = command("bench.run", *words)
    assert done.returncode == 0, done.stderr
    (cell,) = Store(tmp_path / "runs").cells()
    done = command("bench.weights", "export", f"cell={cell.id}", "out=exported", "format=torch_export")
    assert done.returncode == 0, done.stderr
    assert "model.pt2 differ by at most" in done.stdout
    Image.fromarray(np.full((40, 50, 3), 90, np.uint8)).save(tmp_path / "scene.png")
    asked = ["image=scene.png", "text=the ship", "json=true"]
    done = command("bench.predict", "weights=exported", *asked)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["text"] == "the ship"
    done = command("bench.profile", *words[:-2], "seconds=0.01", "batch_sizes=[1]", "--json")
    assert done.returncode == 0, done.stderr
    (profiled,) = json.loads(done.stdout)
    counts = profiled["counts"]
    assert counts["parameters"] == counts["published"]["parameters"] == cell.metrics()["parameters"]["total"]
    assert counts["macs"] == 32 * 32 * 3 * 2
    assert counts["rooms"] == {}
    assert profiled["measured"]["batches"]["1"]["images_per_second"] > 0
    assert "MeanNet" not in done.stderr
    shown = command("bench.profile", *words[:-2], "latency=false")
    assert shown.returncode == 0, shown.stderr


def test_exported_model_without_its_package_says_what_to_install(
    command, drawn, tmp_path: Path, environment: dict[str, str]
) -> None:
    command(
        "bench.run", "model=meannet", *drawn, "recipe.epochs=1", "launcher=inline", "tracking.enabled=false"
    )
    (cell,) = Store(tmp_path / "runs").cells()
    command("bench.weights", "export", f"cell={cell.id}", "out=exported")
    values = json.loads((tmp_path / "exported/config.json").read_text())
    values["model"]["plugin"] = "theirs 1.3"
    (tmp_path / "exported/config.json").write_text(json.dumps(values))
    Image.new("RGB", (40, 50)).save(tmp_path / "scene.png")
    done = command("bench.predict", "weights=exported", "image=scene.png", "text=the ship")
    assert done.returncode == 2
    assert "theirs==1.3" in done.stderr


def test_model_that_needs_numbers_to_be_made_is_profiled_and_asks_for_memory(
    drawn, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    config = configuration(["model=careful", *drawn])
    assert count(config)["macs"] == 32 * 32 * 3 * 2
    model = weightless(config)
    assert weights(model)[0] == count(config)["parameters"]
    with pytest.raises(UserError, match="model=careful: how much memory") as error:
        kept_for_backward(model, config)
    assert "launcher.memory" in error.value.remedy
