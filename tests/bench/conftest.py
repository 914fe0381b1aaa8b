"""A study so small that a cell trains in a second or two."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
STUDY = """
title: Two rows
marks: [context]
reference: full
rows:
  blind: {label: Blind & deaf, model: {fusion: none, neck: none}}
  full: {label: FIAM, marks: [context]}
"""
SMALL = [
    "data.synthetic.train=12",
    "data.synthetic.val=3",
    "data.synthetic.test=3",
    "data.synthetic.per_image=2",
    "data.synthetic.size=64",
    "model.encoder.embed_dim=8",
    "model.encoder.depths=[1,1,1,1]",
    "model.encoder.heads=[1,1,2,2]",
    "model.encoder.window=4",
    "model.encoder.drop_path=0.2",
    "model.text.width=16",
    "model.text.layers=1",
    "model.text.trained_layers=1",
    "model.text.dropout=0.1",
    "recipe.size=32",
    "recipe.batch_size=4",
    "recipe.epochs=3",
    "recipe.erase=0.5",
    "launcher.threads=1",
]

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Merge = Callable[[tuple[str, ...]], list[str]]


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """`SMALL` with a data set drawn once for all tests."""
    root = tmp_path_factory.mktemp("drawn")
    return [*SMALL, f"data.root={root / 'data'}", f"data.cache={root / 'cache'}"]


@pytest.fixture
def study(tmp_path: Path) -> str:
    """`ablation=` of a study of two rows."""
    path = tmp_path / "mini.yaml"
    path.write_text(STUDY)
    return f"ablation={path}"


@pytest.fixture
def environment() -> dict[str, str]:
    """For processes that import the project from this checkout, one thread each."""
    path = os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def command(tmp_path: Path, environment: dict[str, str], last_of_each: Merge) -> Run:
    """Runs `python -m MODULE ARGUMENTS` in an empty folder."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", *last_of_each(words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
        )

    return run
