"""A store as large as a year of work: built in a minute, in two gigabytes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.storage.metrics import score
from bench.storage.store import Store

REPO = Path(__file__).parents[3]
ROWS, DATASETS, SEEDS, EXPRESSIONS = 50, 4, 5, 3500


def fill(store: Store) -> None:
    """A thousand finished cells with samples of 3,500 expressions."""
    random = np.random.default_rng(0)
    images = np.sort(random.integers(0, 3000, EXPRESSIONS))
    unions = random.integers(200, 5000, EXPRESSIONS)
    facts = pd.DataFrame(
        {
            "split": "test",
            "ref_id": np.arange(EXPRESSIONS),
            "image_id": [f"{image:05}" for image in images],
            "category": [f"category {place % 20}" for place in range(EXPRESSIONS)],
            "sentence": [f"The ship on the left of scene {place}" for place in range(EXPRESSIONS)],
            "mask_area": unions // 2,
            "height": 480,
            "width": 480,
            "prediction": "PPYo1",
        }
    )
    ease = random.normal(size=EXPRESSIONS)
    rows = []
    for row in range(ROWS):
        cells = []
        for dataset in range(DATASETS):
            for seed in range(SEEDS):
                cell_id = f"{row:04x}{dataset:04x}{seed:04x}"
                found = 1 / (1 + np.exp(-ease - row / 50 - random.normal(size=EXPRESSIONS)))
                hits = (found * unions).astype(int)
                samples = facts.assign(intersection=hits, union=unions, iou=hits / unions)
                cell = store.plan(
                    cell_id, {"row": row}, {"recipe": {"size": 480}, "data": {"root": "nowhere"}}
                )
                cell.write_samples(samples)
                cell.write_history(
                    [{"epoch": e, "loss": 1 / (e + 1), "val": {"mIoU": e}, "seconds": 9} for e in range(40)]
                )
                scores = score(hits, unions)
                cell.write(
                    "metrics", {"cell": cell_id, "epochs": 40, "scores": {"test": scores, "val": scores}}
                )
                cells.append({"dataset": f"set {dataset}", "seed": seed, "id": cell_id})
        rows.append({"key": f"r{row}", "label": f"Row {row}", "cells": cells})
    protocol = {"select": "val", "size": "resized"}
    store.write_study({"name": "large", "rows": rows, "reference": "r0", "protocol": protocol, "expect": []})


BUILD = """
import re, sys, time
from pathlib import Path
from bench.storage.store import Store
from bench.data.scored_scenes import read_scenes
from reports import write_report
write_report(Store(sys.argv[1]), "large", read_scenes)
print(time.process_time(), re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def built(store: Store) -> tuple[float, int]:
    """CPU seconds and peak memory (KiB) of a build in a process of its own: another test's peak is not its.

    The process reads its peak itself: what the system tells its parent includes the parent's own at the fork.
    """
    path = os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])
    words = [sys.executable, "-c", BUILD, str(store.root)]
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, memory = done.stdout.split()
    return float(seconds), int(memory)


@pytest.mark.slow
def test_a_thousand_cells_build_in_a_minute_and_two_gigabytes(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    fill(store)
    seconds, memory = built(store)
    assert seconds < 60
    assert memory < 2 * 2**20
    assert built(store)[0] < 10
