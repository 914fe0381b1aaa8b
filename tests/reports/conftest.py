"""A store with numbers made up by arithmetic, in the format bench.storage.store writes."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco

from bench.data.rrsisd_writer import ImageFile, NewReference, write_rrsisd
from bench.storage.store import Store

METRICS = ("P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "oIoU", "mIoU")
ROWS = (
    {"key": "blind", "label": "Language-blind"},
    {"key": "pwam", "label": "PWAM (LAVT)", "marks": ["context"]},
    {"key": "object", "label": "+ object", "marks": ["context", "object"]},
    {"key": "full", "label": "FIAM", "marks": ["context", "object", "position"]},
)
StudyMaker = Callable[..., Store]


def scores(strength: float) -> dict[str, float]:
    """Percentages that grow with `strength` and fall with the threshold."""
    values = {metric: max(0.0, strength + 15 - 12 * place) for place, metric in enumerate(METRICS[:5])}
    return values | {"oIoU": strength + 8.004, "mIoU": strength}


def write_cell(store: Store, cell_id: str, strength: float, config: dict[str, Any]) -> None:
    cell = store.plan(cell_id, {"strength": strength}, config)
    noise = np.random.default_rng(zlib.crc32(cell_id.encode()))
    history = [
        {
            "epoch": epoch,
            "step": 10 * (epoch + 1),
            "loss": 1.2 * 0.7**epoch + 0.02 * noise.random(),
            "lr": 0.001 * (1 - epoch / 8),
            "val": scores(strength * (1 - 0.6 ** (epoch + 1)) + noise.random()),
            "seconds": 3.0,
        }
        for epoch in range(8)
    ]
    cell.write_history(history)
    cell.write_samples(samples(strength, noise))
    cell.write(
        "metrics",
        {
            "cell": cell_id,
            "best_epoch": 7,
            "epochs": 8,
            "parameters": {"total": 1000, "trained": 900},
            "scores": {"val": scores(strength + 1), "test": scores(strength)},
            "counts": {"train": 1200, "val": 150, "test": 300},
            "skipped": {"train": 0, "val": 0, "test": 2},
        },
    )


def reconfigure(store: Store, row: str, **changes: dict[str, Any]) -> None:
    """Changes sections of the stored configuration of a row's cells."""
    (planned,) = (each for each in store.study("fiam")["rows"] if each["key"] == row)
    for place in planned["cells"]:
        cell = store.cell(place["id"])
        config = cell.config()
        for section, values in changes.items():
            config[section] = config.get(section, {}) | values
        cell.write("cell", cell.description() | {"config": config})


def truth(place: int) -> np.ndarray:
    """Mask (48,64) of one of three objects of an image."""
    mask = np.zeros((48, 64), bool)
    mask[8 + 10 * (place % 3) : 16 + 10 * (place % 3), 4 + place : 24 + place] = True
    return mask


def sentence(place: int) -> str:
    return f"The {('red ship', 'vehicle', 'bridge')[place % 3]} on the left side of scene {place // 3}"


def compressed(mask: np.ndarray) -> dict[str, Any]:
    return coco.encode(np.asfortranarray(mask, np.uint8))


def samples(strength: float, noise: np.random.Generator, count: int = 30) -> pd.DataFrame:
    lines = []
    for place in range(count):
        shift = int(noise.integers(0, 12) * (1 - strength / 60))
        predicted, true = np.roll(truth(place), shift, axis=1), truth(place)
        intersection, union = int((predicted & true).sum()), int((predicted | true).sum())
        lines.append(
            {
                "split": "test",
                "ref_id": place,
                "image_id": f"{place // 3:03}",
                "category": ("ship", "vehicle", "bridge")[place % 3],
                "sentence": sentence(place),
                "intersection": intersection,
                "union": union,
                "iou": intersection / union,
                "mask_area": int(true.sum()),
                "height": 48,
                "width": 64,
                "prediction": compressed(predicted)["counts"].decode(),
            }
        )
    return pd.DataFrame(lines)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The data set the samples were scored on: ten scenes, three objects each."""
    root = tmp_path / "data"
    rows, columns = np.mgrid[:48, :64]
    files = []
    for place in range(10):
        pixels = np.stack([rows * 3 + place, columns * 2, 90 + 0 * rows], axis=2).astype(np.uint8)
        for each in range(3):
            pixels[truth(3 * place + each)] = (200, 60 + 60 * each, 60)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        files.append(ImageFile(f"{place:03}.png", 64, 48, buffer.getvalue()))
    references = [
        NewReference(f"{place // 3:03}.png", "ship", "test", sentence(place), compressed(truth(place)))
        for place in range(30)
    ]
    write_rrsisd(root, files, references, ["ship"])
    return root


@pytest.fixture
def make_study(tmp_path: Path) -> StudyMaker:
    """Writes a study `fiam` with one cell per row and seed.

    Call with `seeds`, `rows`, `missing` ({(row key, seed): state.json, None: not even planned}), and any key
    of the study to replace.
    """

    def make(
        seeds: tuple[int, ...] = (0, 1, 2),
        rows: tuple[dict[str, Any], ...] = ROWS,
        missing: dict[tuple[str, int], dict[str, Any] | None] | None = None,
        dataset: str = "synthetic",
        **study: Any,
    ) -> Store:
        store = Store(tmp_path / "runs")
        missing = missing or {}
        config = {"recipe": {"size": 96}, "data": {"name": dataset, "root": str(tmp_path / "data")}}
        planned = []
        for place, row in enumerate(rows):
            cells = []
            for seed in seeds:
                cell_id = f"{zlib.crc32(row['key'].encode()):08x}{seed:04x}"
                cells.append({"dataset": dataset, "seed": seed, "id": cell_id})
                if (row["key"], seed) not in missing:
                    write_cell(store, cell_id, 30 + 5.1 * place + 0.75 * seed * (-1) ** place, config)
                elif (state := missing[row["key"], seed]) is not None:
                    store.plan(cell_id, {}, config).update_state(**state)
            planned.append({"label": row["key"], "marks": [], **row, "cells": cells})
        store.write_study(
            {
                "name": "fiam",
                "title": "Fine-grained image-text alignment",
                "caption": "What each text fragment adds.",
                "marks": ["context", "object", "position"],
                "reference": "full",
                "expect": ["full > pwam on mIoU"],
                "datasets": [dataset],
                "seeds": list(seeds),
                "protocol": {"select": "val", "metric": "mIoU", "size": "resized"},
                "command": "python -m bench.run ablation=fiam",
                "rows": planned,
            }
            | study
        )
        return store

    return make


@pytest.fixture
def unfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds without figures, which take seconds: for tests of everything else."""
    monkeypatch.setattr("reports.page.report.draw_figures", lambda *_: ((), ()))
