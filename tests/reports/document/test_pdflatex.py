import shutil
from pathlib import Path

import pytest

from bench.terminal.errors import UserError
from reports.document import pdflatex
from reports.document.pdflatex import compile_pdf, missing_files

DOCUMENT = r"""\documentclass[journal]{IEEEtran} % \usepackage{never}
\usepackage[a,b]{booktabs, siunitx}
\bibliographystyle{IEEEtran}
\begin{document}\end{document}
"""


def written(folder: Path, text: str = DOCUMENT) -> Path:
    source = folder / "main.tex"
    source.write_text(text)
    return source


def lacking(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """TeX that lacks these files."""
    monkeypatch.setattr(pdflatex.shutil, "which", lambda _: "there")
    monkeypatch.setattr(pdflatex, "_found", lambda name, _: name not in names)


def test_all_that_is_missing_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, "IEEEtran.cls", "IEEEtran.bst", "siunitx.sty", "never.sty")
    (tmp_path / "preamble.tex").write_text("\\usepackage{graphicx}\n")
    with pytest.raises(UserError) as error:
        compile_pdf(written(tmp_path))
    assert "TeX lacks IEEEtran.cls, siunitx.sty, IEEEtran.bst;" in error.value.what
    assert error.value.remedy == (
        "`apt install texlive-publishers texlive-science` or `tlmgr install ieeetran siunitx`."
    )


def test_a_package_of_the_authors_own_is_looked_for_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking(monkeypatch, "mine.sty")
    with pytest.raises(UserError) as error:
        compile_pdf(written(tmp_path, "\\documentclass{article}\\usepackage{mine}"))
    assert "TeX lacks mine.sty" in error.value.what
    assert "tlmgr search --global --file /mine.sty" in error.value.remedy


def test_fonts_of_a_class_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "ptmr7t.tfm")
    assert missing_files(written(tmp_path)) == ["ptmr7t.tfm"]


@pytest.mark.latex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize(
    ("body", "what"),
    [
        (r"\RequirePackage{nowhere}\begin{document}\end{document}", "TeX lacks nowhere.sty"),
        (r"\begin{document}\nonsense\end{document}", "pdflatex stopped: ! Undefined control sequence"),
        (
            r"\begin{document}\cite{a}\bibliographystyle{plain}\bibliography{gone}\end{document}",
            "bibtex stopped",
        ),
    ],
)
def test_what_stops_it_is_named(tmp_path: Path, body: str, what: str) -> None:
    with pytest.raises(UserError, match="main") as error:
        compile_pdf(written(tmp_path, f"\\documentclass{{article}}\n{body}\n"))
    assert what in error.value.what
    assert "\n" not in error.value.what
    assert error.value.remedy
