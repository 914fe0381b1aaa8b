import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.statistics.frame import read_frame, summarize
from reports.tables.notes import protocol_notes
from tests.reports.conftest import reconfigure

StudyMaker = Callable[..., Store]
FAILED = {"state": "failed", "cause": "loss is NaN at step 12", "error": "Traceback\n..."}


def test_every_planned_cell_has_a_line_per_split(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(missing={("pwam", 1): FAILED, ("blind", 2): None}), "fiam")
    assert len(frame.results) == 4 * 3 * 2
    lacking = frame.results[frame.results["mIoU"].isna()]
    assert set(zip(lacking["row"], lacking["seed"], lacking["state"], strict=True)) == {
        ("pwam", 1, "failed"),
        ("blind", 2, "missing"),
    }


def test_mean_and_sample_deviation_over_the_seeds_that_are_done(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(missing={("pwam", 1): FAILED}), "fiam")
    mean = frame.results.query("row == 'blind' and split == 'test'")["mIoU"]
    score = frame.scores("blind", "synthetic", "test")["mIoU"]
    assert score.n == 3
    assert score.mean == pytest.approx(mean.mean())
    assert score.std == pytest.approx(math.sqrt(((mean - mean.mean()) ** 2).sum() / 2))
    assert frame.scores("pwam", "synthetic", "test")["mIoU"].n == 2


def test_difference_is_paired_by_seed() -> None:
    values = {"reference": {0: 10.0, 1: 90.0}, "other": {1: 91.0, 2: 50.0}}
    lines = [
        {"row": row, "dataset": "d", "split": "test", "seed": seed, "mIoU": value}
        for row, seeds in values.items()
        for seed, value in seeds.items()
    ]
    empty = dict.fromkeys(("P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "oIoU"), math.nan)
    summary = summarize(pd.DataFrame(lines).assign(**empty), "reference")
    other = summary.query("row == 'other' and metric == 'mIoU'").iloc[0]
    assert (other["gain"], other["gain_n"]) == (1.0, 1)  # seed 1 alone, not the difference of the means


def test_one_seed_has_no_spread(make_study: StudyMaker) -> None:
    score = read_frame(make_study(seeds=(3,)), "fiam").scores("pwam", "synthetic", "val")["oIoU"]
    assert score.n == 1
    assert math.isnan(score.std)
    assert math.isnan(score.gain_std)


def test_unknown_study_names_the_nearest(make_study: StudyMaker) -> None:
    with pytest.raises(UserError, match="did you mean fiam"):
        read_frame(make_study(), "fia")


def test_study_with_no_cell_done_has_a_frame(make_study: StudyMaker) -> None:
    everything = {(row, 0): None for row in ("blind", "pwam", "object", "full")}
    frame = read_frame(make_study(seeds=(0,), missing=everything), "fiam")
    assert frame.seeds == ()
    assert len(frame.missing) == 4
    assert protocol_notes(frame)[0] == "No cell is done yet."


def test_rows_are_told_to_be_published_models_by_their_slots(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    whole, half = ({"object": True, "position": value} for value in (True, False))
    whole |= {"norm": "positions", "coordinates": False}
    slots = {"fusion": "fiam", "neck": "tmem", "decoder": "simple"}
    models = [slots | {"fiam": whole}, {"fusion": "pwam", "neck": "none", "decoder": "simple"}]
    models += [slots | {"fiam": half}, slots | {"fiam": whole}]
    for row, model in zip(store.study("fiam")["rows"], models, strict=True):
        cell = store.cell(row["cells"][0]["id"])
        cell.write("cell", {"id": cell.id, "identity": {}, "config": cell.config() | {"model": model}})
    methods = read_frame(store, "fiam").methods
    assert methods == {"blind": "", "pwam": "LAVT", "object": "", "full": "FIANet"}


@pytest.mark.parametrize("ours", [{"norm": "channels"}, {"coordinates": True}])
def test_fiam_with_a_change_of_ours_is_no_published_model(make_study: StudyMaker, ours: Any) -> None:
    store = make_study(seeds=(0,))
    slots = {"fusion": "fiam", "neck": "tmem", "decoder": "simple"}
    reconfigure(store, "full", model=slots | {"fiam": {"object": True, "position": True} | ours})
    assert read_frame(store, "fiam").methods["full"] == ""


def test_seeds_of_two_runs_stand_in_one_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seed, score in ((0, 40.0), (1, 42.0)):
        cell = store.plan(f"cell-{seed}", {"seed": seed, "recipe": "same"}, {"recipe": {"size": 96}})
        cell.write("metrics", {"scores": {"test": {"mIoU": score}}})
        place = {"dataset": "synthetic", "seed": seed, "id": cell.id}
        store.write_study({"name": "fiam", "rows": [{"key": "full", "label": "FIAM", "cells": [place]}]})
    frame = read_frame(store, "fiam")
    assert frame.seeds == (0, 1)
    assert frame.scores("full", "synthetic", "test")["mIoU"].mean == 41.0
