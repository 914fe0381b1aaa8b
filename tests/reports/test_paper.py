import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage.store import Store
from reports import paper

StudyMaker = Callable[..., Store]


def run(monkeypatch: pytest.MonkeyPatch, main: Callable[[], int], *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["reports", *words])
    return main()


@pytest.mark.latex
@pytest.mark.parametrize("layout", ["IEEEtran", "article"])
def test_paper_of_all_studies_compiles(
    make_study: StudyMaker, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    store = make_study(expect=["full > pwam on mIoU by 1.0"])
    store.write_study(store.study("fiam") | {"name": "two_", "title": "50 % & more", "reference": None})
    out = tmp_path / "paper"
    assert run(monkeypatch, paper.main, f"store={store.root}", f"out={out}", f"layout={layout}") == 0
    assert (out / "results.pdf").stat().st_size > 10_000
    log = (out / "results.log").read_text(errors="replace")
    assert "Overfull \\hbox" not in log
    assert "Undefined control sequence" not in log


def test_paper_without_pdf_has_all_it_names(
    make_study: StudyMaker, unfigured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_study(seeds=(0,))
    assert run(monkeypatch, paper.main, f"store={store.root}", f"out={tmp_path / 'p'}", "pdf=false") == 0
    source = (tmp_path / "p" / "results.tex").read_text()
    named = [line.split("{")[1].rstrip("}") for line in source.splitlines() if line.startswith(r"\input")]
    assert "tables/fiam-table.tex" in named
    assert all((tmp_path / "p" / name).exists() for name in named)


def test_a_results_tex_of_somebody_else_is_not_replaced(
    make_study: StudyMaker, unfigured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "thesis"
    out.mkdir()
    (out / "results.tex").write_text("mine")
    assert run(monkeypatch, paper.main, f"store={store.root}", f"out={out}", "pdf=false") == 2
    assert (out / "results.tex").read_text() == "mine"
