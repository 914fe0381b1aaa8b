"""What the pages say of the project is so: links lead somewhere, lists are complete, examples work."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import torch
import yaml

from bench.config import plugins
from bench.study.definition import ROW_KEYS, STUDY_KEYS, read_study

REPO = Path(__file__).parents[2]
DOCS = REPO / "docs"
SITE = sorted(DOCS.glob("*.md"))
PAGES = [*SITE, *(REPO / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))]
INLINE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def links(page: Path) -> list[str]:
    """What the page links to, pictures included; not what stands in code."""
    prose = re.sub(r"^```.*?^```|^ {4}.*?$", "", text(page), flags=re.MULTILINE | re.DOTALL)
    return LINK.findall(INLINE.sub("", prose))


def anchors(page: Path) -> set[str]:
    """Headings as a browser is led to them."""
    headings = re.findall(r"^#+ (.*)$", text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def block(page: str, language: str, first: str) -> str:
    """The fenced block whose first line is a comment that names a file."""
    [found] = re.findall(
        rf"^```{language}\n# {re.escape(first)}\n(.*?)^```$", text(DOCS / page), re.MULTILINE | re.DOTALL
    )
    return found


def section(page: str, heading: str) -> str:
    return text(DOCS / page).partition(f"## {heading}\n")[2].partition("\n## ")[0]


def first_cells(said: str) -> Iterator[str]:
    """What stands in backquotes in the first column of tables."""
    for line in said.splitlines():
        if line.startswith("| `"):
            yield from re.findall(r"`([^`]+)`", line.split("|")[1])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if urlsplit(link).scheme:
            continue
        file, _, anchor = link.partition("#")
        there = (page.parent / file).resolve() if file else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_the_web_are_well_formed(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc), link


def test_every_page_is_in_the_navigation_once() -> None:
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```$", text(DOCS / "index.md"), re.MULTILINE | re.DOTALL)
    listed = [page for tree in trees for page in re.findall(r"^.+ <(\w+)>$", tree, re.MULTILINE)]
    assert sorted(listed) == [page.stem for page in SITE if page.stem != "index"]
    names = [name for tree in trees for name in re.findall(r"^(.+) <\w+>$", tree, re.MULTILINE)]
    assert all(len(name) <= 14 for name in names)


def test_page_of_studies_has_every_key() -> None:
    assert sorted(first_cells(section("studies.md", "Keys of a study"))) == sorted(STUDY_KEYS)
    assert sorted(first_cells(section("studies.md", "Keys of a row"))) == sorted(ROW_KEYS)


@pytest.mark.parametrize(("page", "name"), [("studies.md", "mine.yaml"), ("models.md", "beaten.yaml")])
def test_studies_on_pages_are_studies(page: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(block(page, "yaml", name))
    assert read_study(str(tmp_path / name)).reference


def test_start_page_lists_every_extra() -> None:
    project = tomllib.loads(text(REPO / "pyproject.toml"))["project"]
    assert sorted(first_cells(section("start.md", "Install"))) == sorted(project["optional-dependencies"])


def test_package_of_the_page_on_models_is_one() -> None:
    names = tomllib.loads(block("models.md", "toml", "meannet/pyproject.toml"))["project"]["entry-points"]
    module, _, builder = names[plugins.GROUP]["meannet"].partition(":")
    assert module == "meannet"
    made: dict[str, object] = {}
    exec(block("models.md", "python", "meannet/meannet.py"), made)  # a page of ours
    model = made[builder](SimpleNamespace(), 100, (16, 16))  # type: ignore[operator]
    words = torch.ones(2, 22, dtype=torch.int64)
    assert model(torch.zeros(2, 3, 16, 16), words, words, words, words).shape == (2, 2, 16, 16)


def test_citation_is_complete() -> None:
    cited = yaml.safe_load(text(REPO / "CITATION.cff"))
    project = tomllib.loads(text(REPO / "pyproject.toml"))["project"]
    assert cited["cff-version"] == "1.2.0"
    assert cited["message"]
    assert cited["title"] == project["name"]
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"]
    assert cited["authors"] == [{"name": "fianet-bench contributors"}]
    for reference in cited["references"]:
        assert {"type", "title", "authors"} <= {*reference}
        assert all({"name", "family-names"} & {*author} for author in reference["authors"])


def test_marks_of_contributing_are_those_of_the_tests() -> None:
    options = tomllib.loads(text(REPO / "pyproject.toml"))["tool"]["pytest"]["ini_options"]
    marks = [mark.partition(":")[0] for mark in options["markers"]]
    said = text(REPO / "CONTRIBUTING.md").partition("## Tests\n")[2].partition("\n## ")[0]
    assert sorted(first_cells(said)) == sorted(marks)
