import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.config.compose import configuration, plain
from bench.storage.store import Store
from reports import write_report
from reports.statistics.evidence import Evidence
from reports.statistics.frame import StudyFrame, read_frame
from reports.tables.every_table import all_grids
from reports.tables.grid import Emphasis, Grid
from reports.tables.marks import Best, Marks
from reports.tables.notes import missing_notes, protocol_notes
from reports.tables.study_table import study_grid
from tests.reports.conftest import reconfigure

StudyMaker = Callable[..., Store]
FAILED = {"state": "failed", "cause": "loss is NaN at step 12", "error": "Traceback\n..."}


def test_notes_follow_the_protocol(make_study: StudyMaker) -> None:
    notes = "\n".join(protocol_notes(read_frame(make_study(), "fiam")))
    assert "standard deviation over 3 seeds (0, 1, 2)" in notes
    assert "Epoch chosen on val by mIoU." in notes
    assert "input size (96 px)" in notes
    assert "test 300" in notes
    assert "Left out of synthetic as unusable: test 2." in notes
    assert "minus that of “FIAM”" in notes


def test_one_seed_makes_no_claim_about_seeds(make_study: StudyMaker) -> None:
    notes = "\n".join(protocol_notes(read_frame(make_study(seeds=(7,)), "fiam")))
    assert "One seed (7)" in notes
    assert "deviation" not in notes


def test_choosing_the_epoch_on_test_is_called_optimistic(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(protocol={"select": "test", "size": "native"}), "fiam")
    notes = "\n".join(protocol_notes(frame))
    assert "optimistic" in notes
    assert "own size" in notes


MODELS = ("lavt", "lgce", "rmsin", "fianet")


def as_published(
    make_study: StudyMaker, models: tuple[str, ...] = MODELS, protocol: str = "published"
) -> Store:
    """A study of these models, as `protocol=` plans them."""
    rows = tuple({"key": model, "label": model.upper()} for model in models)
    store = make_study(rows=rows, seeds=(0, 1), reference=models[-1], expect=[], marks=[])
    for model in models:
        config = plain(configuration([f"model={model}", f"protocol={protocol}"]))
        reconfigure(store, model, model=config["model"], protocol=config["protocol"])
    return store


def of_rows(grid: Grid) -> dict[str, list[str]]:
    """Row key to the footnotes of its line on test."""
    texts = {note.marker: note.text for note in grid.notes if note.marker}
    return {
        line.key: [texts[letter] for letter in line.cells[0].marker.split(",") if letter]
        for line in grid.panels[0].lines
    }


def frame_as_published(make_study: StudyMaker, *asked: object) -> StudyFrame:
    return read_frame(as_published(make_study, *asked), "fiam")  # type: ignore[arg-type]


def test_rows_whose_epochs_were_chosen_differently_are_footnoted_one_by_one(make_study: StudyMaker) -> None:
    frame = frame_as_published(make_study)
    grid = study_grid(frame)
    released = "Epoch chosen on val by oIoU, as the released code did."
    notes = of_rows(grid)
    assert notes["lavt"] == notes["rmsin"] == [released]
    assert notes["lgce"] == [
        "Epoch chosen on val by oIoU, as the code of LAVT did (its own, built on it, was never released)."
    ]
    assert notes["fianet"] == [
        "Epoch chosen on test by oIoU, as the released code did: these test scores are optimistic. "
        "Another protocol (epoch chosen on test): not ranked with the others.",
    ]
    general = " ".join(note.text for note in grid.notes if not note.marker)
    assert "Epochs chosen row by row" in general
    assert "Epoch chosen on" not in general
    assert "recipe.precision=tf32" in general


def test_a_row_chosen_on_test_never_sets_the_measure_for_rows_chosen_on_val(make_study: StudyMaker) -> None:
    frame = frame_as_published(make_study)  # fianet is the reference and has the highest numbers
    assert frame.deviations == {"fianet": {"select": "test"}}
    assert frame.select == "val"
    best = [
        line.key
        for line in study_grid(frame, marks=Marks(Best.maximum)).panels[0].lines
        if line.cells[-2].emphasis == Emphasis.best
    ]
    assert best == ["rmsin"]


def test_one_choice_of_all_rows_is_said_once(make_study: StudyMaker) -> None:
    grid = study_grid(frame_as_published(make_study, ("lavt", "rmsin")))
    assert "Epoch chosen on val by oIoU, as the released code did." in [note.text for note in grid.notes]
    assert not any(of_rows(grid).values())
    alone = "\n".join(protocol_notes(frame_as_published(make_study, ("fianet",))))
    assert (
        "Epoch chosen on test by oIoU, as the released code did: these test scores are optimistic." in alone
    )


def test_the_default_protocol_names_its_metric_and_no_released_code(make_study: StudyMaker) -> None:
    notes = "\n".join(protocol_notes(frame_as_published(make_study, MODELS, "val")))
    assert "Epoch chosen on val by mIoU." in notes
    assert "released" not in notes


def test_rows_chosen_by_another_metric_are_another_protocol(make_study: StudyMaker) -> None:
    store = make_study()
    reconfigure(store, "pwam", protocol={"select": "val", "metric": "oIoU", "size": "resized"})
    for row in ("blind", "object", "full"):
        reconfigure(store, row, protocol={"select": "val", "metric": "mIoU", "size": "resized"})
    notes = of_rows(study_grid(read_frame(store, "fiam")))
    assert notes["pwam"] == ["Another protocol (epoch chosen by oIoU): not ranked with the others."]
    assert notes["full"] == []
    assert "Epoch chosen on val by mIoU." in protocol_notes(read_frame(store, "fiam"))


@pytest.mark.usefixtures("unfigured")
def test_the_page_says_of_every_row_how_its_epoch_was_chosen(make_study: StudyMaker, tmp_path: Path) -> None:
    report = write_report(as_published(make_study), "fiam", lambda *_: {}, tmp_path / "out")
    assert report.page
    page = report.page.read_text()
    assert page.count("Epoch chosen on val by oIoU, as the released code did.") >= 2


def test_missing_cells_are_noted_with_their_reason(make_study: StudyMaker) -> None:
    missing = {
        ("pwam", 1): FAILED,
        ("pwam", 2): FAILED,
        ("blind", 2): None,
        ("blind", 0): {"state": "planned"},
    }
    assert missing_notes(read_frame(make_study(missing=missing), "fiam")) == {
        ("blind", "synthetic"): "Seed 0: not run yet; Seed 2: not planned yet.",
        ("pwam", "synthetic"): "Seeds 1, 2: failed (loss is NaN at step 12).",
    }


def test_every_table_says_which_rows_started_from_random_weights(make_study: StudyMaker) -> None:
    store = make_study()
    for row, model in {
        "pwam": {"encoder": {"pretrained": "random"}, "text": {"pretrained": "bert-base-uncased"}},
        "full": {"encoder": {"pretrained": "random"}, "text": {"pretrained": "random"}},
        "blind": {"encoder": {"pretrained": None}, "text": {"pretrained": None}},
    }.items():
        (planned,) = [each for each in store.study("fiam")["rows"] if each["key"] == row]
        for place in planned["cells"]:
            path = store.cell(place["id"]).path / "cell.json"
            stored = json.loads(path.read_text())
            path.write_text(json.dumps(stored | {"config": {**stored["config"], "model": model}}))
    frame = read_frame(store, "fiam")
    usual = "started from random weights, not from pretrained ones as usual."
    lines = {line.key: line.cells[0] for line in study_grid(frame).panels[0].lines}
    notes = {note.marker: note.text for note in study_grid(frame).notes if note.marker}
    assert notes[lines["pwam"].marker] == f"Encoder {usual}"
    assert notes[lines["full"].marker] == f"Encoder and text {usual}"
    assert not lines["blind"].marker
    assert not lines["object"].marker
    for name, grid in all_grids(store, frame, Evidence(), {}).items():
        said = " ".join(note.text for note in grid.notes)
        assert usual in said, name
    assert f"PWAM (LAVT): encoder {usual}" in said


def test_nothing_is_said_of_starts_that_are_usual(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(), "fiam")
    assert frame.random_starts == {}
    assert "random weights" not in " ".join(note.text for note in study_grid(frame).notes)
