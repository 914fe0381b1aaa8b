import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage import files
from bench.storage.store import Store
from reports import paper

StudyMaker = Callable[..., Store]
Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `python -m reports.paper WORDS` in this process."""

    def run_words(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["reports.paper", *words])
        return paper.main()

    return run_words


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("style", ["ieee", "booktabs"])
def test_paper_of_all_studies_compiles_and_every_table_fits(
    make_study: StudyMaker, images: Path, tmp_path: Path, run: Run, style: str
) -> None:
    store = make_study(expect=["full > pwam on mIoU by 1.0"])
    store.write_study(store.study("fiam") | {"name": "two_", "title": "50 % & more", "reference": None})
    out = tmp_path / "paper"
    assert run(f"store={store.root}", f"out={out}", f"style={style}") == 0
    log = (out / "main.log").read_text(errors="replace")
    said = (r"Overfull \hbox", "Undefined control sequence", "too large for page", "undefined", "multiply")
    assert [words for words in said if words in log] == []
    assert "pk>" not in log, "a font of bitmaps, which publishers refuse"
    compiled = (out / "main.pdf").read_bytes()
    assert len(compiled) > 10_000
    if shutil.which("make"):
        subprocess.run(["make", "-s", "clean", "main.pdf"], cwd=out, check=True, capture_output=True)
        assert (out / "main.pdf").read_bytes() == compiled


def test_without_pdf_only_sources_are_written(
    make_study: StudyMaker, unfigured: None, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "p"
    words = (f"store={store.root}", f"out={out}", "pdf=false")
    assert run(*words) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"{out}/main.tex\n", "")
    assert run(*words) == 0
    assert "main.tex is kept as it is" in capsys.readouterr().err
    assert not (out / "main.pdf").exists()


def test_searches_are_shown_where_asked_for(
    make_study: StudyMaker, unfigured: None, tmp_path: Path, run: Run
) -> None:
    store = make_study(seeds=(0,))
    store.write_study(store.study("fiam") | {"name": "tune-lr"})
    files.write_json(store.root / "tune" / "lr" / "tune.json", {})
    for name, words in {"without": [], "with": ["searches=true"], "named": ["studies=[tune-lr]"]}.items():
        assert run(f"store={store.root}", f"out={tmp_path / name}", "pdf=false", *words) == 0
    found = {
        name: (tmp_path / name / "text" / "tune-lr.tex").exists() for name in ("without", "with", "named")
    }
    assert found == {"without": False, "with": True, "named": True}


def test_style_is_that_of_the_folder_and_an_unknown_one_is_refused(
    make_study: StudyMaker, unfigured: None, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "p"
    words = (f"store={store.root}", f"out={out}", "pdf=false")
    assert run(*words, "style=ieee") == 0
    assert run(*words) == 0
    assert r"\hline" in (out / "tables" / "fiam-table.tex").read_text()
    assert run(*words, "style=booktabs") == 2
    capsys.readouterr()
    assert run(*words, "style=iee") == 2
    assert capsys.readouterr().err == "style=iee: no such style.\nDid you mean ieee?\n"
