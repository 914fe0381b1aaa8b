"""The site in a real Chromium, opened from disk: on a phone and on a desk, in light and in dark."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
PAGES = ("index", "start", "studies", "models", "keys", "reports", "findings", "api/bench.config")


def window(chromium: Any, width: int, scheme: str) -> tuple[Any, list[str]]:
    """A page without a network, and what it complains about."""
    page = chromium.new_context(
        offline=True, color_scheme=scheme, viewport={"width": width, "height": 900}
    ).new_page()
    page.set_default_timeout(60_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request", lambda asked: None if asked.url[:5] in ("file:", "data:") else complaints.append(asked.url)
    )
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1600])
def test_pages_fit_and_are_accessible(site: Path, chromium: Any, width: int, scheme: str) -> None:
    pytest.importorskip("axe_playwright_python")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text()
    page, complaints = window(chromium, width, scheme)
    broken = []
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate(axe)
        found = page.evaluate("axe.run({ preload: false })")["violations"]
        broken += [f"{name}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]
    assert not broken
    assert complaints == []


def test_search_finds_a_key_from_disk(site: Path, chromium: Any) -> None:
    page, _ = window(chromium, 1600, "light")  # from disk there are no excerpts, and the browser says so
    page.goto((site / "index.html").as_uri())
    page.locator(".sidebar-search").fill("checkpointing")
    page.locator(".sidebar-search").press("Enter")
    page.locator("#search-results li a", has_text="Every key").first.click()
    assert page.url.split("?")[0].split("#")[0] == (site / "keys.html").as_uri()


def test_a_phone_reaches_every_page_by_the_menu(site: Path, chromium: Any) -> None:
    page, _ = window(chromium, 390, "light")
    page.goto((site / "index.html").as_uri())
    page.locator(".mobile-header .nav-overlay-icon").click()
    page.locator(".sidebar-tree a", has_text="Every key").click()
    assert page.locator("h1").first.text_content().startswith("Every key")
