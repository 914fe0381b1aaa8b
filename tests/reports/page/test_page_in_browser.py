"""The page in a real Chromium, opened from disk."""

from collections.abc import Callable
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
def browser(chromium: Any) -> Any:
    """A window without a network."""
    context = chromium.new_context(offline=True)
    context.set_default_timeout(20_000)
    return context


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
    page.wait_for_function(
        "() => [...document.querySelectorAll('figure[data-chart]')].every(each => each.querySelector('svg'))"
    )
    return page, complaints


def unfolded(page: Any, name: str) -> None:
    page.locator(f"#{name} > summary").click()


def column(page: Any, place: int) -> list[str]:
    return page.locator("#table tbody:last-of-type tr.line").evaluate_all(
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
    heading = page.locator("#table th").nth(place)
    heading.locator("button").click()
    falling = [float(value) for value in column(page, place)]
    assert falling == sorted(falling, reverse=True)
    heading.locator("button").click()
    assert [float(value) for value in column(page, place)] == sorted(falling)

    unfolded(page, "examples")
    assert page.locator("#count").text_content() == "30 of 30 expressions"
    assert page.locator(".example").count() == 12
    page.locator("[name=category]").select_option("bridge")
    assert page.locator("#count").text_content() == "10 of 30 expressions"
    assert all("bridge" in text for text in page.locator(".example .facts").all_text_contents())
    page.locator("[name=category]").select_option("")
    page.locator("#next").click()
    assert page.locator("#where").text_content() == "page 2 of 3"
    page.locator("[name=words]").fill("scene 7")
    assert page.locator(".example").count() == 3
    page.wait_for_function("() => document.querySelector('.pane img').naturalWidth > 0")
    pane = page.locator(".pane button").first
    lines = pane.locator("svg")
    assert lines.is_visible()
    pane.click()
    assert not lines.is_visible(), "a press shows the image without outlines"
    page.locator("[name=outlines]").uncheck()
    assert page.locator(".pane svg:visible").count() == 0

    page.evaluate(
        "navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }"
    )
    page.locator("[data-copy=tex]").first.click()
    page.locator(".tools [role=status]").first.filter(has_text="Copied").wait_for()
    assert page.evaluate("window.copied") == (tmp_path / "out" / "table.tex").read_text()
    page.locator("[data-copy=csv]").first.click()
    page.wait_for_function("() => window.copied.startsWith('dataset')")
    assert page.evaluate("window.copied") == (tmp_path / "out" / "table.csv").read_text()
    assert complaints == []


def test_precision_follows_the_filters_and_rows_are_hidden_in_every_chart(
    make_study: StudyMaker, images: Path, tmp_path: Path, browser: Any
) -> None:
    store = make_study(seeds=(0,))
    report = write_report(store, "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1600)
    unfolded(page, "examples")
    last = store.cell(store.study("fiam")["rows"][-1]["cells"][-1]["id"]).samples()
    assert last is not None
    tested = last[last["split"] == "test"]
    page.locator("#threshold").fill("30")
    for category in ("", "bridge"):
        page.locator("[name=category]").select_option(category)
        chosen = tested[tested["category"] == category] if category else tested
        expected = 100 * (chosen["iou"].round(4) >= 0.3).mean()
        assert page.locator("#readout b").last.text_content() == f"{expected:.1f}\u00a0%"
    count = "document.querySelectorAll('#chart g.mark-line path').length"
    page.wait_for_function(f"() => {count} === 4")
    panes = page.locator(".example").first.locator(".pane:visible").count()
    page.locator("main > .legend button").last.click()
    page.wait_for_function(f"() => {count} === 3")
    assert page.locator("#readout li:visible").count() == 3
    assert page.locator(".example").first.locator(".pane:visible").count() == panes - 1
    main = "document.querySelectorAll('.main g.mark-rule.role-mark line').length"
    page.wait_for_function(f"() => {main} === 3")
    page.locator("[name=category]").select_option("")
    page.wait_for_function(f"() => {count} === 3")
    assert page.locator("main > .legend button").last.get_attribute("aria-pressed") == "false"
    assert complaints == []


def test_axes_stay_where_they_are_when_rows_are_hidden(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    report = write_report(make_study(), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1600)
    unfolded(page, "figures")
    ticks = "() => [...document.querySelectorAll('.card .role-axis-label text')].map(each => each.textContent).join()"
    before = page.evaluate(ticks)
    buttons = page.locator("main > .legend button")
    for place in (0, 1):
        buttons.nth(place).click()
    drawn = "document.querySelectorAll('.main g.mark-rule.role-mark line').length"
    page.wait_for_function(f"() => {drawn} === {buttons.count() - 2}")
    assert page.evaluate(ticks) == before
    assert complaints == []


def test_a_figure_is_enlarged_with_its_tooltips_and_escape_closes_it(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    rows = ({"key": "a", "label": "<img src=x>"}, {"key": "full", "label": "FIAM"})
    report = write_report(make_study(rows=rows, expect=[]), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1600)
    page.locator(".main .plot").click()
    dialog = page.locator("dialog")
    dialog.locator("g.mark-symbol path").nth(3).hover()
    tooltip = dialog.locator("#vg-tooltip-element.visible")
    tooltip.wait_for()
    assert "<img src=x>" in (tooltip.text_content() or ""), "a label stays text"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator(".main .enlarge").focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".main .enlarge").evaluate("node => node === document.activeElement")
    assert complaints == []


def test_on_paper_everything_is_open(
    make_study: StudyMaker, images: Path, tmp_path: Path, browser: Any
) -> None:
    report = write_report(make_study(seeds=(0,)), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, complaints = opened(browser, report.page, 1000)
    folded = page.locator("details:not([open])").count()
    page.evaluate(
        "addEventListener('beforeprint', () => (window.left = document.querySelectorAll('details:not([open])').length))"
    )
    page.pdf()
    assert page.evaluate("window.left") == 0
    assert page.locator("details:not([open])").count() == folded, "and folded again afterwards"
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1600])
def test_nothing_keeps_anyone_from_reading(
    make_study: StudyMaker, images: Path, tmp_path: Path, chromium: Any, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    report = write_report(make_study(), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    context = chromium.new_context(offline=True, color_scheme=scheme)
    context.set_default_timeout(20_000)
    page, _ = opened(context, report.page, width)
    page.locator("details").evaluate_all("all => all.forEach(each => (each.open = true))")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator(".main .enlarge").click()
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    index = write_report(make_study(), "fiam", read_scenes).index
    assert index
    page.goto(index.as_uri())
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


def test_examples_are_swiped_and_tables_keep_their_first_column_on_a_phone(
    make_study: StudyMaker, images: Path, tmp_path: Path, browser: Any
) -> None:
    report = write_report(make_study(seeds=(0,)), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, _ = opened(browser, report.page, 390)
    unfolded(page, "examples")
    cards = page.locator("#cards")
    assert cards.evaluate("node => node.scrollWidth > 3 * node.clientWidth")
    assert cards.evaluate("node => getComputedStyle(node).scrollSnapType") == "x mandatory"
    first = page.locator("#table tr.line td").first
    before = first.bounding_box()
    page.locator("#table .scroll").evaluate("node => (node.scrollLeft = 200)")
    assert before == first.bounding_box()


def test_names_of_rows_keep_their_words_on_a_phone(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    page, _ = opened(browser, write_report(make_study(), "fiam", read_scenes, tmp_path / "out").page, 390)  # type: ignore[arg-type]
    widths = page.locator("#table tr.line td:first-child").evaluate_all(
        "cells => cells.map(cell => cell.getBoundingClientRect().width)"
    )
    assert min(widths) > 60
    assert max(widths) < 160


def test_a_row_has_its_short_label_on_a_phone_and_a_long_one_few_lines(
    make_study: StudyMaker, tmp_path: Path, browser: Any
) -> None:
    rows = (
        {"key": "direct", "label": "Aligned words reach the decoder's maps", "short": "Words to decoder"},
        {"key": "channels", "label": "FIANet+: words normed over channels"},
        {"key": "full", "label": "FIANet"},
    )
    report = write_report(make_study(rows=rows, expect=[]), "fiam", read_scenes, tmp_path / "out")
    assert report.page
    page, _ = opened(browser, report.page, 390)
    names = page.locator("#table tbody").last.locator("tr.line td:first-child")
    assert [each.inner_text().strip() for each in names.all()] == [
        "Words to decoder",
        rows[1]["label"],
        "FIANet",
    ]
    lines = names.evaluate_all(
        "cells => cells.map(cell => cell.querySelector('.name:not(.full)').offsetHeight / 16)"
    )
    assert max(lines) < 3.5
    page.set_viewport_size({"width": 1600, "height": 900})
    assert names.first.inner_text().strip() == rows[0]["label"]


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
    assert page.locator(".example").count() == 12
    assert complaints == []
