from collections.abc import Callable

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables.notes import missing_notes, protocol_notes

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
