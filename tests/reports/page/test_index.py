import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage.store import Store
from reports import write_report
from tests.reports.page.test_study_page import HOSTILE, Links

pytestmark = pytest.mark.usefixtures("unfigured")
StudyMaker = Callable[..., Store]
FAILED = {"state": "failed", "cause": "loss is NaN at step 12"}


def listed(store: Store, *names: str) -> str:
    for name in names:
        report = write_report(store, name, lambda *_: {})
        assert report.index == store.root / "reports" / "index.html"
    return (store.root / "reports" / "index.html").read_text()


def test_studies_are_listed_with_status_headline_failures_and_costs(make_study: StudyMaker) -> None:
    store = make_study(missing={("pwam", 1): FAILED})
    page = listed(store, "fiam")
    assert '<a href="fiam/index.html">Fine-grained image-text alignment</a>' in page
    assert "11 of 12 cells done, 1 failed" in page
    assert "PWAM (LAVT) on synthetic: Seed 1: failed (loss is NaN at step 12)." in page
    assert "On the test split of synthetic, " in page
    assert "FIAM &gt; PWAM (LAVT) on mIoU on synthetic" in page
    assert "4 min, all cells together" in page  # 11 cells of 8 epochs of 3 s


def test_the_newest_result_is_first_and_what_has_no_report_last(make_study: StudyMaker) -> None:
    store = make_study(
        rows=({"key": "old", "label": "Old"},), reference=None, expect=[], name="first", title="First"
    )
    for cell in store.cells():
        os.utime(cell.path / "metrics.json", (1_000_000, 1_000_000))
    make_study(name="second", title="Second")
    store.write_study(store.study("second") | {"name": "unbuilt"})
    page = listed(store, "second", "first")
    assert page.index(">Second</a>") < page.index(">First</a>") < page.index("<h2>unbuilt")
    assert f"python -m reports.build ablation=unbuilt store={store.root}" in page


def test_every_link_leads_to_a_file_and_nothing_is_loaded(make_study: StudyMaker) -> None:
    store = make_study()
    links = Links()
    links.feed(listed(store, "fiam"))
    assert {"fiam/index.html", "fiam/table.md", "fiam/results.csv"} <= set(links.loaded)
    assert all((store.root / "reports" / link).is_file() for link in links.loaded)
    assert not {"script", "link", "img"} & set(links.tags)


def test_strings_stay_text_and_the_same_studies_give_the_same_bytes(make_study: StudyMaker) -> None:
    store = make_study(title=HOSTILE, caption=HOSTILE)
    page = listed(store, "fiam")
    links = Links()
    links.feed(page)
    assert not {"script", "img", "b"} & set(links.tags)
    path = store.root / "reports" / "index.html"
    before = path.stat().st_mtime_ns
    assert listed(store, "fiam") == page
    assert path.stat().st_mtime_ns == before


def test_a_report_elsewhere_is_not_listed(make_study: StudyMaker, tmp_path: Path) -> None:
    store = make_study()
    assert write_report(store, "fiam", lambda *_: {}, tmp_path / "out").index is None
    assert not (store.root / "reports").exists()


@pytest.mark.parametrize("damage", ["{", "[]", json.dumps({"digest": "x", "files": []})])
def test_a_damaged_record_costs_its_study_the_lines_only(make_study: StudyMaker, damage: str) -> None:
    store = make_study()
    listed(store, "fiam")
    store.write_study(store.study("fiam") | {"name": "other"})
    (store.root / "reports" / "fiam" / "build.json").write_text(damage)
    page = listed(store, "other")
    assert "No report of this version yet" in page
    assert 'href="other/index.html"' in page
