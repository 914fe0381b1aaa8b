"""Fixtures every test may ask for."""

from pathlib import Path

import pytest


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
