"""The site as Sphinx builds it: without a warning, complete, and every link inside it leads somewhere."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.slow
REPO = Path(__file__).parents[2]


class Links(HTMLParser):
    """What a page links to and shows, and where it can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.places.add(value)
            if value and (tag, name) in {("a", "href"), ("link", "href"), ("img", "src"), ("script", "src")}:
                self.links.append(value)


def test_every_page_is_built_and_every_link_leads_somewhere(site: Path) -> None:
    for source in (REPO / "docs").glob("*.md"):
        assert (site / f"{source.stem}.html").is_file()
    pages = {page: Links(page) for page in site.rglob("*.html")}
    lost = []
    for page, found in pages.items():
        for link in found.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            reached = there in pages and parts.fragment and there.suffix == ".html"
            if not there.exists() or (reached and unquote(parts.fragment) not in pages[there].places):
                lost.append(f"{page.relative_to(site)}: {link}")
    assert not lost


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        for mark in ('src="http', '<link rel="stylesheet" type="text/css" href="http', "@import"):
            assert mark not in text, page.name


def test_api_has_a_page_for_every_room(site: Path) -> None:
    for house in ("bench", "reports", "fianet", "baselines"):
        for door in (REPO / house).rglob("__init__.py"):
            room = ".".join(door.parent.relative_to(REPO).parts)
            assert f'id="module-{room}"' in (site / "api" / f"{room}.html").read_text(encoding="utf-8")
