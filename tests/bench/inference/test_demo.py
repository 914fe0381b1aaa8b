"""`python -m bench.demo`: what the page shows of an answer, what it refuses, and the page in a real Chromium."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bench.data.explained import explain
from bench.demo import main
from bench.drawing.scenes import draw
from bench.inference.answer import OBJECT, POSITION, answer, coloured, words
from bench.inference.predictor import Predictor
from bench.models.bundle import load_bundle, save_bundle
from bench.models.export import from_cell
from bench.storage.store import Store
from bench.terminal.errors import UserError
from fianet.decouple import decouple
from fianet.tokens import Tokenizer
from tests.bench.models.test_weights_command import make_finished


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """An exported model that was never trained."""
    save_bundle(from_cell(Store(tmp_path / "runs"), make_finished(tmp_path / "runs")), tmp_path / "exported")
    return tmp_path / "exported"


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    Image.fromarray(draw(0, 0, 64).image).save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


def test_words_are_cut_where_they_change_their_part() -> None:
    sentence, tokenizer = "The gray ship on the upper left", Tokenizer.load()
    found = words(explain(sentence, decouple, tokenizer, 20), tokenizer.pieces(sentence))
    assert "".join(piece for piece, _ in found) == sentence
    assert ("ship", OBJECT) in found
    assert ("on the upper left", POSITION) in found


def test_nothing_is_marked_where_the_whole_sentence_is_read() -> None:
    sentence, tokenizer = "ship", Tokenizer.load()
    found = words(explain(sentence, decouple, tokenizer, 20), tokenizer.pieces(sentence))
    assert all(label != POSITION for _, label in found)


def test_probabilities_become_colours_and_no_data_grey() -> None:
    shown = coloured(np.array([[0.0, 1.0, np.nan]], np.float32))
    assert shown.shape == (1, 3, 3)
    assert len({tuple(each) for each in shown[0]}) == 3


def test_answer_has_images_of_the_pictures_size(weights: Path, scene: Path) -> None:
    found = answer(Predictor(load_bundle(weights)), scene, "The ship on the left")
    assert found.picture.shape == found.overlay.shape == found.probability.shape == (64, 64, 3)
    assert found.said


@pytest.mark.parametrize("sentence", ["", "  ", "a\nb"])
def test_no_sentence_is_refused(weights: Path, scene: Path, sentence: str) -> None:
    with pytest.raises(UserError, match="no sentence"):
        answer(Predictor(load_bundle(weights)), scene, sentence)


def test_unreadable_image_is_named_without_its_folder(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"^bad\.png: ") as error:
        answer(Predictor(load_bundle(weights)), tmp_path / "bad.png", "ship")
    assert str(tmp_path) not in str(error.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "weights= is missing"), (["weights=x", "port=0"], "port=0"), (["weights=x"], "fianet-bench[demo]")],
)
def test_mistakes_are_two_lines(
    given: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", *given])
    monkeypatch.setattr("bench.demo.find_spec", lambda name: None)
    assert main() == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert said in " ".join(lines)


@pytest.fixture
def address(weights: Path, environment: dict[str, str]) -> Iterator[str]:
    """The demo of two weights, served."""
    pytest.importorskip("gradio", reason="the extra [demo] is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.copytree(weights, weights.with_name("other"))
    command = [sys.executable, "-m", "bench.demo", f"weights={weights}", f"also={weights.with_name('other')}"]
    server = subprocess.Popen([*command, f"port={port}"], env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    assert "127.0.0.1" in server.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(30)


@pytest.mark.browser
@pytest.mark.slow
def test_an_example_shows_masks_and_asks_nobody_else(address: str, chromium: Any, tmp_path: Path) -> None:
    asked: list[str] = []
    (tmp_path / "bad.png").write_bytes(b"no image")
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(60_000)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    _refuses(page, tmp_path / "bad.png")
    page.reload()
    page.locator("table tbody tr").first.click()
    page.locator(".said li").first.wait_for()
    assert page.locator(".mask img").count() == 2
    before = page.locator(".mask img").first.get_attribute("src")
    page.get_by_label("Show the mask").click()
    page.wait_for_function(
        "before => document.querySelector('.mask img').getAttribute('src') !== before", arg=before
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def _refuses(page: Any, file: Path) -> None:
    """An image that cannot be read is a message in the page."""
    page.locator("input[type=file]").first.set_input_files(file)
    page.get_by_text("bad.png: is no image").wait_for()
