import json
from collections.abc import Callable

from bench.storage.store import Store
from reports.statistics.evidence import Evidence
from reports.statistics.frame import read_frame
from reports.tables.every_table import all_grids
from reports.tables.notes import missing_notes, protocol_notes
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]
FAILED = {"state": "failed", "cause": "loss is NaN at step 12", "error": "Traceback\n..."}


def test_notes_follow_the_protocol(make_study: StudyMaker) -> None:
    notes = "\n".join(protocol_notes(read_frame(make_study(), "fiam")))
    assert "standard deviation over 3 seeds (0, 1, 2)" in notes
    assert "Epoch chosen on val." in notes
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
