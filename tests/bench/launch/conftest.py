"""A Slurm that only pretends, and cells to submit to it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.config.compose import configuration, plain
from bench.config.identity import cell_id, identity
from bench.launch import slurm_state
from bench.storage.cell import Cell
from bench.storage.store import Store

FAKES = {
    "sbatch": 'cp "$1" "$FAKE/script.sh"; grep -c array= "$1" >>"$FAKE/submitted"; echo "Submitted batch job 41"',
    "srun": "exit 1",
    "scontrol": 'echo "$@" >>"$FAKE/scontrol.asked"; echo "MaxArraySize = 3"',
    # both fail where a test wrote no answer
    "squeue": 'case "$*" in *%k*) cat "$FAKE/comments.txt" ;; *) cat "$FAKE/squeue.txt" ;; esac',
    "sacct": 'cat "$FAKE/sacct.txt"',
    "scancel": 'echo "$@" >>"$FAKE/scancel.asked"',
}
Planned = Callable[..., list[Cell]]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the pretending commands and of what they answer and were asked."""
    folder = tmp_path / "fake"
    folder.mkdir()
    for name, body in FAKES.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(folder))
    monkeypatch.setattr(slurm_state, "FRESH_SECONDS", -1.0)
    return folder


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    """Makes cells known to a store, one per list of overrides."""

    def make(*requests: list[str]) -> list[Cell]:
        store = Store(tmp_path / "runs")
        cells = []
        for seed, words in enumerate(requests):
            config = configuration(["launcher=slurm", *words])
            known = identity(config, seed, "data", str)
            cells.append(store.plan(cell_id(known), known, plain(config)))
        return cells

    return make
