"""Models are rehearsed on a node before an array is submitted."""

from pathlib import Path

import pytest

from bench.storage.store import Store

pytestmark = pytest.mark.slurm
STUDY = """
title: Two models
rows:
  own: {label: As it is}
  other: {label: Another, CHANGE}
"""


def study(folder: Path, change: str) -> str:
    (folder / "two.yaml").write_text(STUDY.replace("CHANGE", change))
    return "ablation=two.yaml"


def test_an_array_is_only_sent_if_every_model_passes(cluster) -> None:
    words = ["bench.run", "launcher=slurm", *cluster.words, "launcher.rehearse=true", "recipe.epochs=2"]
    failed = cluster.command(*words, study(cluster.folder, "protocol: {decoupler: nltk}"))
    assert failed.returncode == 1, failed.stderr
    assert "Another" in failed.stdout
    assert "decoupler=nltk: NLTK" in failed.stdout
    assert "submitted job" not in failed.stdout
    assert Store(cluster.folder / "runs").cells() == []
    passed = cluster.command(*words, study(cluster.folder, "recipe: {lr: 2.0e-3}"), "wait=true")
    assert passed.returncode == 0, passed.stderr
    assert "submitted job" in passed.stdout
    cells = Store(cluster.folder / "runs").cells()
    assert [cell.done for cell in cells] == [True, True]
    assert not list((cluster.folder / "runs/rehearsals").glob("scratch-*"))
    again = cluster.command(*words, "ablation=two.yaml", "wait=true")
    assert "rehears" not in again.stdout + again.stderr
