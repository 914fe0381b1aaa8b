"""The page in a real Chromium, opened from disk."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from reports import write_report

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("unfigured")]
StudyMaker = Callable[..., Store]
MANY = 10_000


@pytest.fixture
def browser() -> Iterator[Any]:
    """Chromium of the system, without a network."""
    api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        context = started.new_context(offline=True)
        context.set_default_timeout(60_000)
        yield context
        started.close()


def opened(browser: Any, path: Path, width: int) -> tuple[Any, list[str]]:
    """The page, and what it complains about."""
    page = browser.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url[:5] in ("file:", "data:") else complaints.append(asked.url)
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(path.as_uri())
    return page, complaints


def column(page: Any, place: int) -> list[str]:
    return page.locator("#tables details:first-of-type tbody:last-of-type tr.line").evaluate_all(
        f"lines => lines.map(line => line.cells[{place}].dataset.value)"
    )


def test_page_opens_sorts_filters_and_copies(
    make_study: StudyMaker, images: Path, tmp_path: Path, browser: Any
) -> None:
    report = write_report(make_study(expect=["full > pwam on mIoU"]), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1600)
    heads = [each.head for each in report.grid.columns]
    place = heads.index("mIoU")
    heading = page.locator("#tables th").nth(place)
    heading.locator("button").click()
    falling = [float(value) for value in column(page, place)]
    assert falling == sorted(falling, reverse=True)
    heading.locator("button").click()
    assert [float(value) for value in column(page, place)] == sorted(falling)

    assert page.locator("#count").text_content() == "30 of 30 expressions"
    assert page.locator(".card").count() == 12
    page.locator("[name=category]").select_option("bridge")
    assert page.locator("#count").text_content() == "10 of 30 expressions"
    assert all("bridge" in text for text in page.locator(".card .facts").all_text_contents())
    page.locator("[name=category]").select_option("")
    page.locator("#next").click()
    assert page.locator("#where").text_content() == "page 2 of 3"
    page.locator("[name=words]").fill("scene 7")
    assert page.locator(".card").count() == 3
    painted = (
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)"
    )
    page.wait_for_function(f"({painted})(document.querySelector('.strip canvas'))")

    page.evaluate(
        "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"
    )
    page.locator("[data-copy=tex]").first.click()
    page.locator(".tools [role=status]").first.filter(has_text="Copied").wait_for()
    assert page.evaluate("window.copied") == (tmp_path / "out" / "table.tex").read_text()
    page.locator("[data-copy=csv]").first.click()
    page.wait_for_function("window.copied.startsWith('dataset')")
    assert page.evaluate("window.copied") == (tmp_path / "out" / "table.csv").read_text()
    assert complaints == []


def test_precision_follows_the_filters_and_rows_can_be_hidden(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    store = make_study(seeds=(0,))
    report = write_report(store, "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1600)
    last = store.cell(store.study("fiam")["rows"][-1]["cells"][-1]["id"]).samples()
    assert last is not None
    tested = last[last["split"] == "test"]
    key = page.locator("#chart .keys button").last
    page.locator("#chart [type=range]").fill("30")
    for category in ("", "bridge"):
        page.locator("[name=category]").select_option(category)
        chosen = tested[tested["category"] == category] if category else tested
        expected = 100 * (chosen["iou"].round(4) >= 0.3).mean()
        assert key.locator("b").text_content() == f"{expected:.1f} %"
    assert page.locator("#chart polyline").last.is_visible()
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert not page.locator("#chart polyline").last.is_visible()
    page.locator("[name=category]").select_option("")
    assert not page.locator("#chart polyline").last.is_visible(), "a hidden row stays hidden"
    assert complaints == []


def test_names_of_rows_keep_their_words_on_a_phone(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    page, _ = opened(browser, write_report(make_study(), "fiam", read_scenes, tmp_path / "out").page, 390)  # type: ignore[arg-type]
    widths = page.locator("#tables details[open] tr.line td:first-child").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().width)"
    )
    assert min(widths) > 60
    assert max(widths) < 160


@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_is_wider_than_the_window(
    make_study: StudyMaker, images: Path, tmp_path: Path, browser: Any, width: int
) -> None:
    rows = tuple(
        {"key": key, "label": f"Method {key} with a rather long name {'x' * 40}"}
        for key in ("a", "b", "full")
    )
    report = write_report(
        make_study(rows=rows, seeds=(0,), expect=["full > a on mIoU"]), "fiam", read_scenes, tmp_path / "out"
    )
    assert report.page
    page, complaints = opened(browser, report.page, width)
    page.locator("details").evaluate_all("all => all.forEach(each => (each.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []


def test_ten_thousand_examples_stay_usable(make_study: StudyMaker, tmp_path: Path, browser: Any) -> None:
    store = make_study(seeds=(0,))
    random = np.random.default_rng(0)
    for cell in store.cells():
        samples = cell.samples()
        assert samples is not None
        many = pd.concat([samples] * (MANY // len(samples) + 1), ignore_index=True)[:MANY]
        hits = random.integers(0, 50, MANY)
        many = many.assign(
            ref_id=range(MANY), image_id=[f"{p // 3}" for p in range(MANY)], intersection=hits, union=50
        )
        cell.write_samples(many.drop(columns="prediction"))
    report = write_report(store, "fiam", read_scenes, tmp_path / "out")
    assert report.page
    assert report.page.stat().st_size < 10e6
    page, complaints = opened(browser, report.page, 1600)
    assert page.locator("#count").text_content() == "10,000 of 10,000 expressions"
    took = page.evaluate(
        """() => {
          const form = document.getElementById('filters');
          const started = performance.now();
          form.elements.order.value = 'worst';
          form.elements.gain.value = 'up';
          form.dispatchEvent(new Event('input', { bubbles: true }));
          return performance.now() - started;
        }"""
    )
    assert took < 1000
    assert page.locator(".card").count() == 12
    assert complaints == []
