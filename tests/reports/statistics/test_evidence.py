import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bench.storage.expectation import parse_expectation
from bench.storage.image_sums import Scored
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.statistics.evidence import Evidence, judge, weigh
from reports.statistics.frame import METRICS, StudyFrame, read_frame
from reports.statistics.samples import Samples, read_samples
from reports.tables.evidence_notes import leaders
from reports.tables.marks import Best, Marks
from reports.tables.settings_table import settings_grid
from reports.tables.spread_tables import interval_grid, range_grid
from reports.tables.statistics_table import statistics_grid
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]


def gather(store: Store) -> tuple[StudyFrame, dict[tuple[str, str], Samples]]:
    frame = read_frame(store, "fiam")
    found = {
        (name, split): s for name in frame.datasets for split, s in read_samples(store, frame, name).items()
    }
    return frame, found


def two_rows(gain: float, seeds: int = 2, wobble: float = 0.0, expressions: int = 400) -> Samples:
    """Row b is `gain` points of IoU above row a, give or take 5; its second seed `wobble` points more."""
    random = np.random.default_rng(0)
    unions = np.full((seeds, expressions), 10_000)
    base = random.integers(3000, 5000, expressions)
    noise = random.normal(0, 500, (seeds, expressions)).astype(int)
    lift = np.array([100 * gain + 100 * wobble * seed for seed in range(seeds)]).astype(int)[:, None]
    scored = Scored(
        np.arange(expressions) // 2,
        {"a": np.tile(base, (seeds, 1)), "b": base + lift + noise},
        {"a": unions, "b": unions},
    )
    return Samples(scored, pd.DataFrame(), dict.fromkeys(scored.rows, tuple(range(seeds))))


@pytest.mark.parametrize(
    ("gain", "margin", "outcome"),
    [(3.0, "1.0", "met"), (3.0, "2.9", "within noise"), (1.0, "3", "not met"), (-3.0, "0", "not met")],
)
def test_expectation_is_met_refuted_or_within_noise(gain: float, margin: str, outcome: str) -> None:
    expectation = parse_expectation(f"b > a on mIoU by {margin}", ["a", "b"], "test")
    assert judge(expectation, "d", two_rows(gain)).outcome == outcome


def test_gain_inside_the_seed_spread_is_noise() -> None:
    expectation = parse_expectation("b > a on mIoU", ["a", "b"], "test")
    verdict = judge(expectation, "d", two_rows(1.0, wobble=10.0))
    assert verdict.outcome == "within noise"
    assert "seeds alone" in verdict.reason


def test_one_seed_says_nothing_of_other_seeds() -> None:
    verdict = judge(parse_expectation("b > a on mIoU", ["a", "b"], "x"), "d", two_rows(5.0, seeds=1))
    assert verdict.outcome == "undecided"
    assert "with one training each, and another may differ" in verdict.reason


def test_rows_with_other_seeds_are_compared_on_the_seeds_both_have(make_study: StudyMaker) -> None:
    frame, found = gather(make_study(missing={("pwam", 1): None, ("blind", 0): None, ("blind", 2): None}))
    evidence = weigh(frame, found)
    for row in ("blind", "pwam", "object"):
        line = evidence.comparison("synthetic", "test", row)
        assert line is not None
        scored, places = (
            found["synthetic", "test"].scored,
            {"blind": [1], "pwam": [0, 2], "object": [0, 1, 2]},
        )
        ious = {key: scored.intersections[key] / scored.unions[key] for key in (row, "full")}
        effect = 100 * (ious[row].mean() - ious["full"][places[row]].mean())
        assert line["effect"] == pytest.approx(effect)
    assert evidence.family == 3
    assert np.isnan(evidence.comparison("synthetic", "test", "blind")["seed_spread"])  # type: ignore[index]


def test_rows_without_a_common_seed_are_not_compared(make_study: StudyMaker) -> None:
    frame, found = gather(make_study(seeds=(0, 1), missing={("pwam", 1): None, ("full", 0): None}))
    evidence = weigh(frame, found)
    assert evidence.comparison("synthetic", "test", "pwam") is None
    assert evidence.comparison("synthetic", "test", "blind") is not None
    assert [verdict.reason for verdict in evidence.verdicts] == ["no seed is done in both rows yet"]


def test_every_metric_has_its_interval_and_its_range_over_seeds(make_study: StudyMaker) -> None:
    frame, found = gather(make_study(missing={("pwam", 1): None}))
    evidence = weigh(frame, found)
    intervals, ranges = interval_grid(frame, evidence), range_grid(frame)
    assert intervals
    assert ranges
    assert [column.head for column in intervals.columns[1:]] == list(METRICS)
    low, high = evidence.interval("synthetic", "test", "pwam", "P@0.5") or (0, 0)
    assert intervals.panels[0].lines[1].cells[1].text == f"[{low:.2f}, {high:.2f}]"
    scores = frame.results.query("row == 'pwam' and split == 'val'")["mIoU"].dropna()
    assert [panel.split for panel in ranges.panels] == ["test", "val"]
    assert ranges.panels[1].lines[1].cells[-1].text == f"{scores.min():.2f}–{scores.max():.2f}"


def test_best_of_unequal_seeds_is_said_to_be_open(make_study: StudyMaker) -> None:
    uneven = make_study(seeds=(0, 1), missing={("pwam", 1): None})
    assert "may change" in leaders(read_frame(uneven, "fiam"))[0]
    assert "may change" not in leaders(read_frame(make_study(seeds=(0, 1)), "fiam"))[0]


def test_one_seed_has_no_range(make_study: StudyMaker) -> None:
    assert range_grid(read_frame(make_study(seeds=(0,)), "fiam")) is None


def test_row_without_samples_leaves_it_open() -> None:
    assert judge(parse_expectation("b > a on mIoU", ["a", "b"], "x"), "d", None).outcome == "unknown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("full > pwm on mIoU", "Did you mean pwam"),
        ("full > pwam on miou", "Did you mean mIoU"),
        ("full >= pwam on mIoU", "no expectation"),
        ("full > pwam on mIoU by some", "no expectation"),
    ],
)
def test_wrong_expectation_is_refused_before_anything_runs(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_expectation(text, ["full", "pwam"], "fiam.yaml, expect")


def test_verdicts_and_marks_reach_the_table(make_study: StudyMaker) -> None:
    frame, samples = gather(make_study(expect=["full > blind on mIoU"]))
    evidence = weigh(frame, samples)
    assert evidence.family == 3
    grid = study_grid(frame, evidence)
    assert any(
        note.text.startswith("As expected, FIAM scores higher than Language-blind in mIoU")
        for note in grid.notes
    )
    assert any("Holm-corrected over 3 comparisons" in note.text for note in grid.notes)
    statistics = statistics_grid(frame, evidence)
    assert statistics is not None
    line = statistics.panels[0].lines[0]
    low, high = evidence.interval("synthetic", "test", "blind", "oIoU") or (0, 0)
    assert line.cells[2].text == f"[{low:.2f}, {high:.2f}]"


def test_evidence_survives_being_stored(make_study: StudyMaker) -> None:
    frame, samples = gather(make_study())
    evidence = weigh(frame, samples)
    again = Evidence.from_json(json.loads(json.dumps(evidence.to_json())))
    assert study_grid(frame, again) == study_grid(frame, evidence)
    assert statistics_grid(frame, again) == statistics_grid(frame, evidence)


def test_study_without_a_reference_has_intervals_but_no_comparison(make_study: StudyMaker) -> None:
    frame, samples = gather(make_study(reference=None))
    evidence = weigh(frame, samples)
    assert evidence.family == 0
    assert evidence.interval("synthetic", "test", "pwam", "mIoU")
    assert evidence.comparison("synthetic", "test", "pwam") is None


def test_row_of_another_protocol_is_footnoted_and_not_ranked(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    place = store.study("fiam")["rows"][3]["cells"][0]["id"]  # the best row, no longer the reference
    store.write_study(store.study("fiam") | {"reference": "blind"})
    cell = store.cell(place)
    config = cell.config()
    cell.write("cell", {"id": place, "identity": {}, "config": config | {"protocol": {"select": "test"}}})
    grid = study_grid(read_frame(store, "fiam"), marks=Marks(Best.maximum))
    line = grid.panels[0].lines[3]
    notes = {note.marker: note.text for note in grid.notes}
    assert "epoch chosen on test" in notes[line.cells[0].marker]
    assert all(cell.emphasis == "none" for cell in line.cells)
    assert grid.panels[0].lines[2].cells[-2].emphasis == "best"


@pytest.mark.parametrize("known", ["asked for", "chosen by the machine"])
def test_row_of_another_precision_is_footnoted_and_not_ranked(known: str, make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    place = store.study("fiam")["rows"][1]["cells"][0]["id"]
    cell = store.cell(place)
    if known == "asked for":
        recipe = cell.config()["recipe"] | {"precision": "bf16"}
        cell.write("cell", {"id": place, "identity": {}, "config": cell.config() | {"recipe": recipe}})
    else:
        cell.write("env", {"precision": "bf16"})
    frame = read_frame(store, "fiam")
    grid = study_grid(frame)
    notes = {note.marker: note.text for note in grid.notes}
    assert "computed in bf16" in notes[grid.panels[0].lines[1].cells[0].marker]
    assert all(not line.cells[0].marker for line in grid.panels[0].lines[2:])
    settings = settings_grid(store, frame)
    assert settings is not None
    line = next(line for line in settings.panels[0].lines if line.key == "recipe.precision")
    assert [each.text for each in line.cells[1:]] == ["float32", "PWAM (LAVT): bf16"]
    assert "Trained and scored in" not in " ".join(notes.values())
    for row in store.study("fiam")["rows"]:
        store.cell(row["cells"][0]["id"]).write("env", {"precision": "tf32"})
    frame = read_frame(store, "fiam")
    assert not frame.deviations
    assert any(note.text == "Trained and scored in tf32." for note in study_grid(frame).notes)


def test_rows_scored_against_other_masks_are_not_compared(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,), expect=["full > pwam on mIoU"])
    place = store.study("fiam")["rows"][1]["cells"][0]["id"]
    cell = store.cell(place)
    config = cell.config() | {"recipe": {"size": 48}}
    cell.write("cell", {"id": place, "identity": {}, "config": config})
    frame, samples = gather(store)
    evidence = weigh(frame, samples)
    assert evidence.comparison("synthetic", "test", "pwam") is None
    assert evidence.verdicts[0].outcome == "unknown"
    line = study_grid(frame, evidence).panels[0].lines[1]
    assert line.cells[-1].text == "–"
