"""The model card beside exported weights: the hub reads it, and no name in it becomes markup."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from bench.config.compose import restore
from bench.models.card import escaped, front_matter, hub_name
from bench.models.card import model_card as make_card
from bench.models.export import export_cell, from_cell
from bench.storage.cell import Cell
from bench.storage.metrics import NAMES
from bench.storage.store import Store
from tests.bench.models.test_weights_command import make_finished

SCORES = dict.fromkeys(NAMES, 12.25)
HOSTILE = "x\n---\n# Free [money](http://evil) <script> | `a`: {{y}}"


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    cell = Store(tmp_path / "runs").cell(make_finished(tmp_path / "runs"))
    scores = {"val": SCORES, "test": SCORES, "shuffled": SCORES, "Our ports/test": SCORES}
    cell.write("metrics", {"scores": scores, "counts": {"train": 4, "test": 2}, "best_epoch": 1, "epochs": 3})
    return cell


def test_hub_reads_task_data_and_scores(cell: Cell, tmp_path: Path) -> None:
    export_cell(Store(tmp_path / "runs"), cell.id, tmp_path / "out", "safetensors")
    data = ModelCard.load(tmp_path / "out" / "README.md").data
    about = data.to_dict()
    assert [about[key] for key in ("pipeline_tag", "library_name", "language")] == [
        "image-segmentation",
        "fianet-bench",
        ["en"],
    ]
    assert data.license == "unknown"
    results = {
        (each.dataset_name, each.dataset_split, each.metric_name): each.metric_value
        for each in data.eval_results
    }
    assert results["synthetic", "test", "mIoU"] == 12.25
    assert ("Our ports", "test", "oIoU") in results
    assert not any(split == "shuffled" for _, split, _ in results), "the control is no result"


def test_card_says_what_one_seed_cannot_show(cell: Cell, tmp_path: Path) -> None:
    content = make_card(cell, from_cell(Store(tmp_path / "runs"), cell.id))
    assert "Epoch 2 of 3, chosen on val by mIoU." in content
    assert "One seed (0): no claim about the method." in content
    assert "nothing about photographs" in content
    assert str(tmp_path) not in content


def test_scores_have_intervals_over_images_where_expressions_are_stored(cell: Cell, tmp_path: Path) -> None:
    bundle = from_cell(Store(tmp_path / "runs"), cell.id)
    rows = [
        {"split": "test", "image_id": str(number // 2), "intersection": 10 * number, "union": 100}
        for number in range(10)
    ]
    cell.write_samples(pd.DataFrame(rows))
    content = make_card(cell, bundle)
    (line,) = [line for line in content.splitlines() if line.startswith("| test, interval")]
    spans = re.findall(r"([\d.]+) to ([\d.]+)", line)
    assert len(spans) == len(NAMES)
    low, high = map(float, spans[-1])
    assert 0 < low < 45 < high < 90


def test_hostile_names_stay_names(cell: Cell, tmp_path: Path) -> None:
    bundle = from_cell(Store(tmp_path / "runs"), cell.id)
    description = cell.description()
    description["config"]["data"]["name"] = HOSTILE
    cell.write("cell", description)
    content = make_card(cell, bundle)
    front, body = content.removeprefix("---\n").split("\n---\n", 1)
    assert yaml.safe_load(front)["license"] == "unknown"
    assert "\n# Free" not in body
    assert "[money](" not in body
    assert "<script>" not in body


def test_an_edited_card_of_the_same_cell_is_kept(cell: Cell, tmp_path: Path) -> None:
    store, out = Store(tmp_path / "runs"), tmp_path / "out"
    assert "hf upload USER/NAME" in export_cell(store, cell.id, out, "safetensors")["publish"]
    (out / "README.md").write_text("mine")
    assert "as it was" in export_cell(store, cell.id, out, "safetensors")["kept"]
    assert (out / "README.md").read_text() == "mine"


@given(st.text())
def test_any_text_is_one_line_without_markup(text: str) -> None:
    line = escaped(text)
    assert len(line.splitlines()) <= 1
    assert "<" not in line.replace("\\<", "")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", hub_name(text))


def test_front_matter_names_every_metric_once(cell: Cell) -> None:
    said = front_matter(cell, restore(cell.config()), cell.metrics() or {})
    assert len(set(said["metrics"])) == len(NAMES)
