"""Numbers of sets that were scored beside the one trained on, in every table that shows splits."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.storage.store import Store
from reports import write_report
from reports.comparison.differences import compare
from reports.statistics.frame import read_frame
from reports.tables.notes import protocol_notes
from reports.tables.study_table import study_grid
from reports.text.places import place_title
from tests.reports.conftest import scores

StudyMaker = Callable[..., Store]
SPLIT = "Our ports/test"
TITLE = "synthetic → Our ports, test"


def scored_besides(make_study: StudyMaker) -> Store:
    store = make_study(also={"synthetic": ["Our ports"]})
    for place, row in enumerate(store.study("fiam")["rows"]):
        for planned in row["cells"]:
            cell = store.cell(planned["id"])
            metrics, samples = cell.metrics(), cell.samples()
            assert metrics
            assert samples is not None
            further = {"scores": {SPLIT: scores(20.0 + place)}, "counts": {SPLIT: 30}, "skipped": {SPLIT: 1}}
            cell.write("metrics", metrics | {key: metrics[key] | further[key] for key in further})
            cell.write_samples(pd.concat([samples, samples.assign(split=SPLIT)], ignore_index=True))
    return store


def test_a_further_set_is_a_panel_of_every_table(make_study: StudyMaker, unfigured: None) -> None:
    report = write_report(scored_besides(make_study), "fiam", lambda config: {})
    assert [panel.title for panel in report.grid.panels] == ["synthetic, test", TITLE, "synthetic, val"]
    for name in ("table.md", "table.html", "tables/statistics.md", "tables/intervals.md", "tables/ranges.md"):
        assert TITLE in (report.folder / name).read_text(), name
    assert r"synthetic $\rightarrow$ Our ports, test" in (report.folder / "table.tex").read_text()
    assert "synthetic,Our ports/test,full" in (report.folder / "table.csv").read_text()
    assert TITLE in (report.folder / "index.html").read_text()
    assert (report.frame.results["split"] == SPLIT).sum() == 4 * 3


def test_its_rows_are_compared_with_the_reference(make_study: StudyMaker, unfigured: None) -> None:
    evidence = write_report(scored_besides(make_study), "fiam", lambda config: {}).evidence
    assert set(evidence.statistics) == {("synthetic", "test"), ("synthetic", SPLIT)}
    assert evidence.family == 2 * 3


def test_a_note_says_what_was_trained_on(make_study: StudyMaker) -> None:
    notes = protocol_notes(read_frame(scored_besides(make_study), "fiam"))
    assert "Expressions in synthetic: train 1,200, val 150, test 300." in notes
    (said,) = [note for note in notes if "Our ports" in note]
    assert said == (
        f"{TITLE}: 30 expressions of Our ports (1 left out as unusable), scored by models trained on synthetic; "
        "nothing of Our ports was trained on, and it chose no epoch."
    )


def test_a_row_that_was_not_scored_on_it_says_so(make_study: StudyMaker) -> None:
    store = scored_besides(make_study)
    for planned in store.study("fiam")["rows"][0]["cells"]:
        cell = store.cell(planned["id"])
        metrics = cell.metrics() or {}
        cell.write(
            "metrics", metrics | {key: _without(metrics[key]) for key in ("scores", "counts", "skipped")}
        )
    frame = read_frame(store, "fiam")
    (panel,) = (each for each in study_grid(frame).panels if each.split == SPLIT)
    missing = {line.key: line.missing for line in panel.lines}
    assert missing.pop("blind") == "Not scored on Our ports: protocol.also of this row does not name it."
    assert set(missing.values()) == {""}
    assert f"{TITLE}: 30 expressions" in "\n".join(protocol_notes(frame)), "counted by the rows that have it"


def _without(splits: dict[str, Any]) -> dict[str, Any]:
    return {split: value for split, value in splits.items() if split != SPLIT}


def test_two_studies_are_compared_on_it_too(make_study: StudyMaker) -> None:
    store = scored_besides(make_study)
    assert {each.split for each in compare((store, "fiam"), (store, "fiam"))} == {"val", "test", SPLIT}


def test_titles_of_places() -> None:
    assert place_title("rrsisd", "test") == "rrsisd, test"
    assert place_title("rrsisd", "") == "rrsisd"
    assert place_title("a/b", "c/d/test") == "a/b → c/d, test"
