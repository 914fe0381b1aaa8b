"""A search with real workers, one of which is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.storage.store import Store

SEARCH = """
sampler: {name: random}
pruner: {name: none}
space:
  recipe.lr: {low: 1.0e-4, high: 1.0e-2, log: true}
"""


def wait_for(condition, seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def start(drawn, environment, tmp_path, last_of_each) -> Iterator[Any]:
    """Starts the search; whatever it started is gone after the test."""
    (tmp_path / "mine.yaml").write_text(SEARCH)
    words = ["bench.tune", "tune=mine.yaml", *drawn, "trials=1", "workers=1", "tracking.enabled=false"]
    words += ["recipe.epochs=40", "launcher.checkpoint_seconds=0.0001"]
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> "subprocess.Popen[bytes]":
        output = (tmp_path / "output.txt").open("ab")
        asked = [sys.executable, "-m", *last_of_each(words)]
        started.append(
            subprocess.Popen(asked, cwd=tmp_path, env=environment, stdout=output, stderr=subprocess.STDOUT)
        )
        return started[-1]

    yield begin
    for process in started:  # its workers end with it
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("again", [False, True], ids=["worker", "worker and launcher"])
def test_trial_of_a_killed_worker_goes_on_from_its_checkpoint(again, start, tmp_path) -> None:
    running = start()
    cells = tmp_path / "runs/cells"
    wait_for(lambda: any(int(path.name[6:15]) >= 9 for path in cells.glob("*/checkpoints/state-*.pt")))
    (cell,) = Store(tmp_path / "runs").cells()
    os.kill(cell.state()["pid"], signal.SIGKILL)
    if again:
        running.kill()
        running.wait()
    wait_for(lambda: not cell.locked())
    (cell.path / "progress.json").unlink(missing_ok=True)
    if again:
        assert cell.state()["state"] == "lost"
        running = start()
    wait_for(lambda: bool(cell.progress()) or cell.done)
    first = cell.progress()
    assert (first["epoch"], first["batch"]) > (1, 0), "it went on where it was"
    assert running.wait(600) == 0, (tmp_path / "output.txt").read_text()

    assert cell.state()["attempt"] == 2
    result = json.loads(Path(tmp_path / "runs/tune/mine/result.json").read_text())
    assert result["counts"] == {"finished": 1}
    with (tmp_path / "runs/tune/mine/trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    assert [(trial["state"], trial["retry_of"]) for trial in trials] == [("fail", ""), ("complete", "0")]
