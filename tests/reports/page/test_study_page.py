import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from bench.data.scored_scenes import read_scenes
from bench.storage.mlflow_links import write_links
from bench.storage.store import Store
from reports import write_report
from reports.page.example_browser import telling

pytestmark = pytest.mark.usefixtures("unfigured")
StudyMaker = Callable[..., Store]
HOSTILE = '</script><img src=x onerror="alert(1)"> & <b>'


class Links(HTMLParser):
    """Tags and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]


def page_of(store: Store, out: Path) -> str:
    report = write_report(store, "fiam", read_scenes, out)
    assert report.page
    return report.page.read_text()


def embedded(page: str, name: str) -> object:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_page_loads_nothing_but_itself(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    links = Links()
    links.feed(page_of(make_study(seeds=(0,)), tmp_path / "out"))
    assert all(link.startswith(("data:", "#", "../", "cells/")) for link in links.loaded), links.loaded
    assert "link" not in links.tags


def test_a_note_of_several_tables_stands_once_on_the_page(make_study: StudyMaker, tmp_path: Path) -> None:
    page = page_of(make_study(), tmp_path / "out")
    lists = re.findall(r'<ul class="notes">(.*?)</ul>', page, re.DOTALL)
    notes = [note for each in lists for note in re.findall(r"<li>(?!<sup>)(.*?)</li>", each)]
    assert len(lists) > 3
    assert len(notes) == len(set(notes))
    assert any("standard deviation over 3 seeds" in note for note in notes)


def test_cells_link_to_their_logs_and_runs(make_study: StudyMaker, tmp_path: Path) -> None:
    store = make_study(seeds=(0,), splits=["val"])
    one, *_ = cells = [row["cells"][0]["id"] for row in store.study("fiam")["rows"]]
    store.cell(one).log.write_text("epoch 1")
    out = store.root / "reports" / "fiam"
    before = page_of(store, out)
    assert f"../../cells/{one}/" in before
    assert "MLflow's pages" not in before
    write_links(store, "fiam", "https://mlflow.example", "7", {one: "f00d"})
    page = page_of(store, out)
    run = "https://mlflow.example/#/experiments/7/runs/f00d?workflowType=machine_learning"
    assert f'<a href="{run}">run</a>' in page
    assert all(f"<code>{cell}</code>" in page for cell in cells)


def test_strings_of_studies_and_data_stay_text(make_study: StudyMaker, tmp_path: Path) -> None:
    rows = ({"key": "a", "label": HOSTILE}, {"key": "full", "label": "FIAM"})
    store = make_study(
        seeds=(0,), rows=rows, title=HOSTILE, caption=HOSTILE, command=HOSTILE, expect=["full > a on mIoU"]
    )
    for cell in store.cells():
        samples = cell.samples()
        assert samples is not None
        cell.write_samples(samples.assign(sentence=HOSTILE, category=HOSTILE))
        cell.write("env", {HOSTILE: HOSTILE})
    page = page_of(store, tmp_path / "out")
    links = Links()
    links.feed(page)
    assert "b" not in links.tags
    assert links.tags.count("script") == 6
    assert "x" not in links.loaded
    (data,) = embedded(page, "data")  # type: ignore[misc]
    assert data["items"][0][0] == HOSTILE
    assert embedded(page, "rows") == [HOSTILE, "FIAM"]


def test_browser_is_given_every_expression_and_its_scores(
    make_study: StudyMaker, images: Path, tmp_path: Path
) -> None:
    store = make_study(seeds=(0, 1))
    page = page_of(store, tmp_path / "out")
    (data,) = embedded(page, "data")  # type: ignore[misc]
    assert embedded(page, "rows") == ["Language-blind", "PWAM (LAVT)", "+ object", "FIAM"]
    assert data["rows"] == [0, 1, 2, 3]
    assert (data["base"], data["better"], len(data["items"])) == (0, 3, 30)
    cells = store.study("fiam")["rows"][3]["cells"]
    tables = [store.cell(cell["id"]).samples() for cell in cells]
    mean = np.mean([table["iou"] for table in tables if table is not None], axis=0)
    assert [item[6][3] for item in data["items"]] == pytest.approx((100 * mean).tolist(), abs=0.051)
    assert all(item[5] == pytest.approx(item[6][3] - item[6][0], abs=0.11) for item in data["items"])
    assert len(data["pictures"]) == 30
    picture = data["pictures"][0]
    assert (picture["width"], picture["height"]) == (200, 150)
    assert all(path.startswith("M") and path.endswith("Z") for path in (picture["truth"], *picture["masks"]))
    assert all(url.startswith("data:image/webp;base64,") for url in data["images"])


def test_the_same_store_gives_the_same_bytes(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    store = make_study(seeds=(0,))
    assert page_of(store, tmp_path / "one") == page_of(store, tmp_path / "two")


def test_telling_examples_hold_the_extremes_once_each() -> None:
    gains = np.random.default_rng(0).normal(size=10_000)
    chosen = telling(gains, np.ones(10_000), 60)
    assert len(chosen) == len(set(chosen))
    assert {int(gains.argmax()), int(gains.argmin())} <= set(chosen)
    assert len(chosen) <= 60
    assert set(telling(np.zeros(3), np.zeros(3))) == {0, 1, 2}
