from collections.abc import Callable
from pathlib import Path

from bench.storage.store import Store
from reports.figures import overview
from reports.figures.style import save, style
from reports.statistics.frame import read_frame

StudyMaker = Callable[..., Store]


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


def test_nothing_of_the_bars_is_cut_off_however_long_labels_are(
    make_study: StudyMaker, tmp_path: Path
) -> None:
    store = make_study(seeds=(0, 1, 2))
    study = store.study("fiam")
    study["rows"][0]["label"] = "Aligned words reach all four of the decoder's maps"
    store.write_study(study)
    with style():
        figure = overview.bars(read_frame(store, "fiam"))
        save(figure, tmp_path / "bars")  # lays it out
        axis, paper = figure.axes[0], figure.bbox
        texts = [*axis.texts, *axis.get_yticklabels(), axis.xaxis.label]
        for text in texts:
            box = text.get_window_extent()
            assert box.x0 >= paper.x0 - 1, text.get_text()
            assert box.x1 <= paper.x1 + 1, text.get_text()
