from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bench.storage.store import Store
from reports.statistics.collapse import Trouble, find_troubles
from reports.statistics.evidence import Evidence, weigh
from reports.statistics.frame import StudyFrame, read_frame
from reports.statistics.samples import Samples, read_samples
from tests.reports.conftest import compressed, truth

StudyMaker = Callable[..., Store]
Found = tuple[StudyFrame, dict[tuple[str, str], Samples], dict[tuple[str, str], Trouble]]
EMPTY, FULL = np.zeros((48, 64), bool), np.ones((48, 64), bool)


def answers_with(
    store: Store, row: str, mask: np.ndarray, seeds: tuple[int, ...] = (0, 1, 2), spared: int = 0
) -> None:
    """Makes cells of a row answer with one mask whatever they are asked, but for the first `spared` expressions."""
    (planned,) = (each for each in store.study("fiam")["rows"] if each["key"] == row)
    for place in planned["cells"]:
        cell = store.cell(place["id"])
        samples = cell.samples()
        if place["seed"] in seeds and samples is not None:
            true = [truth(ref) for ref in samples["ref_id"]]
            same = samples.assign(
                intersection=[int((each & mask).sum()) for each in true],
                union=[int((each | mask).sum()) for each in true],
                prediction=compressed(mask)["counts"].decode(),
            )
            cell.write_samples(pd.concat([samples[:spared], same[spared:]]))


def troubles_of(store: Store) -> Found:
    frame = read_frame(store, "fiam")
    found = {("synthetic", split): each for split, each in read_samples(store, frame, "synthetic").items()}
    return frame, found, find_troubles(store, frame, found)


def test_rows_that_learned_something_have_no_trouble(make_study: StudyMaker) -> None:
    assert troubles_of(make_study())[-1] == {}


@pytest.mark.parametrize(
    ("mask", "said"),
    [(EMPTY, "empty masks"), (FULL, "full masks"), (truth(4), "one and the same mask")],
    ids=["empty", "full", "constant"],
)
def test_a_row_that_always_answers_alike_collapsed(
    make_study: StudyMaker, mask: np.ndarray, said: str
) -> None:
    store = make_study()
    answers_with(store, "pwam", mask)
    troubles = troubles_of(store)[-1]
    assert list(troubles) == [("pwam", "synthetic")]
    trouble = troubles["pwam", "synthetic"]
    assert trouble.collapsed == f"{said} on 100 % of the test expressions"
    assert (
        trouble.said == f"Collapsed ({trouble.collapsed}): not ranked, no evidence for or against anything."
    )


@pytest.mark.parametrize(("spared", "collapsed"), [(1, True), (2, False)])
def test_collapsed_means_more_than_95_percent(make_study: StudyMaker, spared: int, collapsed: bool) -> None:
    store = make_study()
    answers_with(store, "pwam", EMPTY, spared=spared)  # of 30 expressions
    assert bool(troubles_of(store)[-1]) == collapsed


def test_a_seed_that_collapsed_among_others_is_named_and_counted(make_study: StudyMaker) -> None:
    store = make_study()
    answers_with(store, "pwam", EMPTY, seeds=(1,))
    frame, samples, troubles = troubles_of(store)
    said = "Collapsed in part (seed 1: empty masks on 100 % of the test expressions): its mean includes that."
    assert troubles["pwam", "synthetic"] == Trouble(said)
    assert weigh(frame, samples, troubles).comparison("synthetic", "test", "pwam")


def test_without_stored_masks_scores_of_zero_tell(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    cell = store.cell(store.study("fiam")["rows"][1]["cells"][0]["id"])
    metrics = cell.metrics() or {}
    zeros = {split: dict.fromkeys(scores, 0.0) for split, scores in metrics["scores"].items()}
    cell.write("metrics", metrics | {"scores": zeros})
    (cell.path / "samples.parquet").unlink()
    assert troubles_of(store)[-1]["pwam", "synthetic"].collapsed == "every score is 0"


@pytest.mark.parametrize(
    ("losses", "flat"),
    [([1.5, 1.5, 1.51], True), ([1.5, 1.2, 1.9], False), ([1.5], False), ([1.5, 1.499], True), ([], False)],
)
def test_a_loss_that_never_fell_is_named_and_costs_no_rank(
    make_study: StudyMaker, losses: list[float], flat: bool
) -> None:
    store = make_study(seeds=(0,))
    cell = store.cell(store.study("fiam")["rows"][1]["cells"][0]["id"])
    epoch = {"step": 1, "lr": 0.1, "val": {}, "seconds": 1.0}
    cell.write_history([{"epoch": place, "loss": loss, **epoch} for place, loss in enumerate(losses)])
    frame, _, troubles = troubles_of(store)
    assert bool(troubles) == flat
    if flat:
        assert "never fell (1.5 in the first epoch" in troubles["pwam", "synthetic"].said
        assert Evidence(troubles=troubles).competes(frame, "pwam", "synthetic")


def test_a_collapsed_row_is_no_evidence(make_study: StudyMaker) -> None:
    store = make_study(expect=["full > pwam on mIoU", "full > object on mIoU"])
    answers_with(store, "pwam", EMPTY)
    evidence = weigh(*troubles_of(store))
    assert evidence.family == 2, "blind and object against full"
    assert evidence.comparison("synthetic", "test", "pwam") is None
    first, second = evidence.verdicts
    assert (first.outcome, first.text) == ("unknown", "FIAM > PWAM (LAVT) on mIoU")
    assert first.reason == (
        "PWAM (LAVT) collapsed (empty masks on 100 % of the test expressions): a comparison with it says nothing"
    )
    assert second.outcome != "unknown"
    assert all("pwam" not in lead.rows for lead in evidence.leads["synthetic", "test"].values())
    assert evidence.interval("synthetic", "test", "pwam", "mIoU") == (0, 0)


def test_nothing_is_compared_with_a_reference_that_collapsed(make_study: StudyMaker) -> None:
    store = make_study()
    answers_with(store, "full", EMPTY)
    assert weigh(*troubles_of(store)).family == 0
