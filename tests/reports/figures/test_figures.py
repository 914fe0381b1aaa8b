from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.data import scored_scenes
from bench.storage.store import Store
from reports.figures import examples, overview
from reports.figures.scenes import NoScenes, read_scenes
from reports.figures.strips import Strip, lay_out
from reports.figures.style import COLORS, looks, save, style
from reports.statistics.frame import read_frame

StudyMaker = Callable[..., Store]


def test_a_row_keeps_its_colour_and_rows_beyond_the_palette_change_line() -> None:
    keys = dict.fromkeys((f"row {place}" for place in range(2 * len(COLORS))), "")
    looked = looks(keys)
    assert len({(look.color, look.line) for look in looked.values()}) == len(keys)
    assert looks(dict.fromkeys(list(keys)[:3], "")) == {key: looked[key] for key in list(keys)[:3]}


def test_a_published_model_has_one_colour_in_every_study() -> None:
    one = looks({"lavt": "LAVT", "rmsin": "RMSIN", "fianet": "FIANet"})
    other = looks({"pwam": "", "both": "FIANet", "direct": ""})
    assert one["fianet"] == other["both"]
    assert len({look.color for look in other.values()}) == 3
    assert not {look.color for look in one.values()} & {other["pwam"].color, other["direct"].color}


def test_rows_are_told_to_be_published_models_by_their_slots(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    whole, half = ({"object": True, "position": value} for value in (True, False))
    slots = {"fusion": "fiam", "neck": "tmem", "decoder": "simple"}
    models = [slots | {"fiam": whole}, {"fusion": "pwam", "neck": "none", "decoder": "simple"}]
    models += [slots | {"fiam": half}, slots | {"fiam": whole}]
    for row, model in zip(store.study("fiam")["rows"], models, strict=True):
        cell = store.cell(row["cells"][0]["id"])
        cell.write("cell", {"id": cell.id, "identity": {}, "config": cell.config() | {"model": model}})
    methods = read_frame(store, "fiam").methods
    assert methods == {"blind": "", "pwam": "LAVT", "object": "", "full": "FIANet"}


def test_history_counts_epochs_from_one_and_takes_the_selecting_split(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0, 1))
    history = overview.read_history(store, read_frame(store, "fiam"))
    assert history.groupby(["row", "seed"]).size().eq(8).all()
    assert history["epoch"].min() == 1
    first = store.cell(store.study("fiam")["rows"][0]["cells"][0]["id"]).history()[0]
    assert history.iloc[0][["loss", "score"]].tolist() == [first["loss"], first["val"]["mIoU"]]


def test_curves_draw_a_line_per_row_and_a_band_with_several_seeds(make_study: StudyMaker) -> None:
    for seeds, bands in (((0,), 0), ((0, 1), 4)):
        store = make_study(seeds=seeds)
        frame = read_frame(store, "fiam")
        with style():
            drawn = overview.curves(overview.read_history(store, frame), frame)
        for axis in drawn.axes:
            assert len(axis.lines) == 4
            assert len(axis.collections) == bands


def test_bars_name_rows_without_a_result(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(seeds=(0,), missing={("pwam", 0): None}), "fiam")
    with style():
        axis = overview.bars(frame).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [row.label for row in frame.rows]
    assert sum("no result" in text.get_text() for text in axis.texts) == 1
    assert len(axis.patches) == 3


def test_same_figure_same_bytes(make_study: StudyMaker, tmp_path: Path) -> None:
    frame = read_frame(make_study(), "fiam")
    written = []
    for name in ("one", "two"):
        with style():
            written.append([path.read_bytes() for path in save(overview.bars(frame), tmp_path / name)])
    assert written[0] == written[1]
    assert b"CreationDate" not in written[0][1]
    assert b"Software" not in written[0][0]


def test_labels_with_dollars_and_unknown_letters_are_drawn(make_study: StudyMaker, tmp_path: Path) -> None:
    rows = ({"key": "a", "label": "50$ \\frac{1}{0}$ 中"}, {"key": "b", "label": "_" + "long " * 40})
    frame = read_frame(make_study(seeds=(0,), rows=rows, reference="b"), "fiam")
    with style():
        assert all(path.stat().st_size for path in save(overview.bars(frame), tmp_path / "bars"))


def test_examples_are_the_extremes_and_the_median() -> None:
    gains = pd.Series({place: place / 10 for place in range(-5, 6)})
    images = pd.Series({place: str(place) for place in gains.index})
    chosen = examples.choose(gains, images)
    assert [(each.why, each.ref_id) for each in chosen] == [
        ("Largest gain", 5),
        ("Largest gain", 4),
        ("Median gain", 0),
        ("Largest loss", -5),
        ("Largest loss", -4),
    ]


def test_no_image_is_an_example_twice_and_ties_fall_by_seed() -> None:
    gains = pd.Series(0.0, index=range(40))
    images = pd.Series([str(place // 4) for place in range(40)])
    chosen = [examples.choose(gains, images, seed) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    shown = [images[each.ref_id] for each in chosen[0]]
    assert len(set(shown)) == len(shown) == 5


def test_few_expressions_give_few_examples() -> None:
    assert len(examples.choose(pd.Series({7: 0.1}), pd.Series({7: "a"}))) == 1


def test_examples_compare_the_first_row_with_the_reference(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0, 1), missing={("full", 0): None, ("blind", 0): None, ("pwam", 0): None})
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    assert (compared.seed, compared.base.key, compared.better.key) == (1, "blind", "full")
    drawn = examples.draw(
        compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    )
    assert len(drawn["examples"].axes) == 5 * (2 + len(frame.rows))
    # object and position words of every sentence, and what the colours mean
    assert len(drawn["examples"].artists) == 5 * 2 + 2


def test_typical_failures_are_drawn_by_seed_from_what_every_row_fails_on(
    make_study: StudyMaker, images: Path
) -> None:
    best = pd.Series([0.0, 0.05, 0.09, 0.09, 0.1, 0.9], index=range(10, 16))
    pictured = pd.Series(list("aabccd"), index=best.index)
    chosen = [examples.choose_failures(best, pictured, seed) for seed in (0, 0, 5)]
    assert chosen[0] == chosen[1] != chosen[2]
    for each in chosen:
        assert len({pictured[example.ref_id] for example in each}) == len(each) == 3
        assert all(example.value < 0.1 for example in each)
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    assert set(
        examples.draw(
            compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
        )
    ) == {"examples"}
    for samples in compared.samples.values():
        samples["iou"] = 0.01
    drawn = examples.draw(
        compared, frame, read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    )
    assert len(drawn["failures"].axes) == 3 * (2 + len(frame.rows))


def test_examples_say_why_there_are_none(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    with pytest.raises(NoScenes, match="not on this machine"):
        read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)


def test_other_data_under_the_same_name_are_not_shown(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0,))
    frame = read_frame(store, "fiam")
    compared = examples.compare(store, frame, "synthetic")
    references = read_scenes(store, compared.cell, "synthetic", scored_scenes.read_scenes)
    for samples in compared.samples.values():
        samples["sentence"] += " elsewhere"
    with pytest.raises(NoScenes, match="not the one that was scored"):
        examples.draw(compared, frame, references)


def test_text_of_strips_stays_inside_the_figure() -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    long = "The ship on the left of the harbour " * 9 + "x" * 300
    strip = Strip(long, "why", [(pixels, "1.0")] * 8)
    with style():
        drawn = lay_out(["A row with a rather long label"] * 8, [strip] * 2, "foot")
        drawn.canvas.draw()
        page = drawn.bbox
        for text in drawn.texts:
            box = text.get_window_extent()
            assert page.x0 - 1 <= box.x0
            assert box.x1 <= page.x1 + 1
            assert page.y0 - 1 <= box.y0
            assert box.y1 <= page.y1 + 1


def test_rows_that_chose_their_epoch_on_test_have_curves_too(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    row = store.study("fiam")["rows"][1]
    cell = store.cell(row["cells"][0]["id"])
    records = [
        {"test" if key == "val" else key: value for key, value in line.items()} for line in cell.history()
    ]
    cell.write_history(records)
    history = overview.read_history(store, read_frame(store, "fiam"))
    mine = history[history["row"] == row["key"]]
    assert mine["score"].tolist() == [record["test"]["mIoU"] for record in records]
