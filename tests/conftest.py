"""Fixtures every test may ask for."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def last_of_each() -> Callable[[tuple[str, ...]], list[str]]:
    """Arguments in which a test changes what a fixture said: of each key the last, as commands refuse a second."""

    def merged(words: tuple[str, ...]) -> list[str]:
        return list(
            {word if word.startswith("text=") else word.partition("=")[0]: word for word in words}.values()
        )

    return merged


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real photographs, sentences and published numbers that may lie beside the checkout."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip(
            "no shared/data beside the checkout: real photographs and sentences are not part of the repo"
        )
    return folder


@pytest.fixture
def nltk_data(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """NLTK's real English tagger, found by this process and by those it starts."""
    data = pytest.importorskip("nltk.data", reason="NLTK (extra [paper]) is not installed")
    folder = shared / "data/nltk"
    monkeypatch.setenv("NLTK_DATA", str(folder))
    monkeypatch.setattr(data, "path", [str(folder), *data.path])
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium of the system; tests of it have the mark `browser`."""
    api = pytest.importorskip("playwright.sync_api")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()
