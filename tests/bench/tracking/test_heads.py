"""What a study and its rows say: means, spread, what they share, and Markdown that no label can break."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.storage.cell import Record
from bench.storage.store import Store
from bench.tracking import notes
from bench.tracking.content import Place
from bench.tracking.heads import Numbers, Summary, heads, mean, shared, summed


def cell(store: Store, id_: str, score: float, epochs: int = 2, **config: Any) -> None:
    made = store.plan(id_, {"seed": 0}, {"data": {"name": "synthetic"}, "recipe": {"epochs": 2}} | config)
    record = {"lr": 1e-3, "loss": 1.0, "val": {"mIoU": score}}
    made.write_history([record | {"epoch": epoch} for epoch in range(epochs)])
    made.write("metrics", {"best_epoch": 1, "scores": {"val": {"mIoU": score}, "test": {"mIoU": score + 1}}})


def study(*rows: tuple[str, str, list[tuple[str, str]]]) -> Record:
    return {
        "name": "mini",
        "title": "Mini",
        "caption": "One | two",
        "command": "python -m bench.run ablation=mini tracking.uri=http://me:secret@host",
        "rows": [
            {
                "key": key,
                "label": label,
                "cells": [
                    {"dataset": dataset, "seed": seed, "id": id_} for seed, (dataset, id_) in enumerate(cells)
                ],
            }
            for key, label, cells in rows
        ],
    }


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def metrics(content: Any) -> dict[tuple[str, int], float]:
    return {(name, step): value for name, value, step in content.metrics}


def test_a_row_sums_up_its_seeds_and_a_study_its_rows(store: Store) -> None:
    cell(store, "a", 10.0, model={"fusion": "pwam"})
    cell(store, "b", 14.0, model={"fusion": "pwam"})
    cell(store, "c", 20.0, model={"fusion": "fiam"})
    record = study(
        ("one", "One", [("synthetic", "a"), ("synthetic", "b")]), ("two", "Two", [("synthetic", "c")])
    )
    summary = Summary(store, record)
    row = summary.of_row("one")
    found = metrics(row)
    assert found["test/mIoU", 0] == 13.0
    assert found["test/mIoU_best", 0] == 15.0
    assert found["test/mIoU_std", 0] == pytest.approx(8**0.5)
    assert [found["val/mIoU", epoch] for epoch in (0, 1)] == [12.0, 12.0]
    assert row.parameters == {"model.fusion": "pwam"}
    assert "`model.fusion=pwam`" in row.note
    whole = summary.of_study()
    assert metrics(whole)["test/mIoU_best", 0] == 21.0
    assert metrics(whole)["test/mIoU", 0] == 17.0
    assert whole.parameters == {"data.name": "synthetic", "recipe.epochs": "2"}
    assert "| One | synthetic | 2 | 13.00 ± 2.83 |" in whole.note.replace("&emsp;", "")
    assert "One \\| two" in whole.note
    assert "secret" not in whole.note


def test_one_seed_has_no_spread(store: Store) -> None:
    cell(store, "a", 10.0)
    row = Summary(store, study(("one", "One", [("synthetic", "a")]))).of_row("one")
    assert not any(name.endswith("_std") for name, _, _ in row.metrics)


def test_several_data_sets_are_not_mixed(store: Store) -> None:
    cell(store, "a", 10.0)
    cell(store, "b", 30.0)
    record = study(("one", "One", [("rrsisd", "a"), ("refsegrs", "b")]))
    found = metrics(Summary(store, record).of_row("one"))
    assert (found["rrsisd/test/mIoU", 0], found["refsegrs/test/mIoU", 0]) == (11.0, 31.0)
    assert ("test/mIoU", 0) not in found


def test_a_row_without_a_finished_cell_says_so(store: Store) -> None:
    store.plan("a", {"seed": 0}, {"recipe": {"epochs": 2}})
    summary = Summary(store, study(("one", "One", [("synthetic", "a")])))
    assert summary.of_row("one").metrics == summary.of_study().metrics == []
    assert "0 of 1 cells done" in summary.of_study().note


def test_a_curve_has_the_epochs_that_all_seeds_have() -> None:
    long, short = (Numbers({}, {"val/mIoU": dict.fromkeys(range(n), 1.0)}) for n in (3, 2))
    assert list(mean([long, short]).curves["val/mIoU"]) == [0, 1]


def test_a_head_changes_with_its_own_cells_alone() -> None:
    record = study(("one", "One", [("synthetic", "a")]), ("two", "Two", [("synthetic", "b")]))
    before, after = heads(record, {"a": "x", "b": "x"}), heads(record, {"a": "x", "b": "y"})
    same = [one.digest == other.digest for one, other in zip(before, after, strict=True)]
    assert same == [False, True, False]


def test_what_all_share_is_what_each_has_alike() -> None:
    assert shared([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}, {"a": "1"}]) == {"a": "1"}
    assert shared([]) == {}


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=5))
def test_means_lie_between_the_values(values: list[float]) -> None:
    found = {name: value for name, value, _ in summed([Numbers({"test/mIoU": each}, {}) for each in values])}
    assert min(values) - 1e-9 <= found["test/mIoU"] <= max(values) + 1e-9
    assert found["test/mIoU_best"] == max(values)


@given(st.text(max_size=40))
def test_a_label_stays_one_cell_of_a_table(label: str) -> None:
    record = {"name": "mini", "title": label, "rows": [], "command": ""}
    place = Place(id="a", row="r", label=label, dataset="d", seed=0, key="k", title="t", tags={})
    note = notes.study(record, [(place, {"test/mIoU": 1.0})], 1, 1).replace(notes.GAP, "")
    (line,) = [line for line in note.splitlines() if line.endswith(" | d | 1 | 1.00 |  |  |")]
    assert line.startswith("| ")


def test_a_long_note_ends_at_a_line() -> None:
    changed = {f"key{number}": "x" * 100 for number in range(200)}
    note = notes.row(study(), "One", changed, [])
    assert len(note.encode()) < 8000
    assert note.endswith("\n…")
