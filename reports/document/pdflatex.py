"""From a paper's sources to its PDF, and what a TeX installation lacks for it, by the names of what brings it."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bench.terminal.errors import UserError

# file: the package of Debian and Ubuntu that brings it, that of TeX Live
BROUGHT_BY = {
    "IEEEtran.cls": ("texlive-publishers", "ieeetran"),
    "IEEEtran.bst": ("texlive-publishers", "ieeetran"),
    "ptmr7t.tfm": ("texlive-fonts-recommended", "times"),
    "article.cls": ("texlive-latex-base", "latex"),
    "plain.bst": ("texlive-base", "bibtex"),
    "amssymb.sty": ("texlive-base", "amsfonts"),
    "booktabs.sty": ("texlive-latex-recommended", "booktabs"),
    "geometry.sty": ("texlive-latex-base", "geometry"),
    "graphicx.sty": ("texlive-latex-base", "graphics"),
    "siunitx.sty": ("texlive-science", "siunitx"),
    "xcolor.sty": ("texlive-latex-recommended", "xcolor"),
}
_NAMED = re.compile(r"\\(documentclass|usepackage|bibliographystyle)\s*(?:\[[^]]*\])?\s*\{([^}]*)\}")
_SUFFIX = {"documentclass": ".cls", "usepackage": ".sty", "bibliographystyle": ".bst"}
_FONTS = {"IEEEtran.cls": "ptmr7t.tfm"}  # what a class sets text in
_COMMENT = re.compile(r"(?<!\\)%.*")
_LOST = re.compile(r"[Ff]ile\s+[`']([^'`]+\.(?:cls|sty|def|fd))'\s+not\s+found")


def compile_pdf(source: Path) -> Path:
    """Compiles a document with its references; returns the PDF.

    Raises:
        UserError: A class, package or font is not installed (names all of them, and what brings them), or pdflatex or
            bibtex stopped (names the log).
    """
    if missing := missing_files(source):
        raise _lacking(source, missing)
    _pdflatex(source)
    aux = source.with_suffix(".aux").read_text(errors="replace")
    if r"\bibdata" in aux and r"\citation" in aux:
        said = _run(source, ["bibtex", source.stem])
        if said is not None:
            wrong = next((line for line in said.splitlines() if "---" in line or "couldn't" in line), "")
            raise UserError(
                f"{source}: bibtex stopped: {wrong or 'see its log'}",
                f"Look at {source.with_suffix('.blg')}.",
            )
        _pdflatex(source)
    _pdflatex(source)
    return source.with_suffix(".pdf")


def missing_files(source: Path) -> list[str]:
    """Classes, packages and styles that a document and its preamble name and no TeX tree has; in the order named."""
    if shutil.which("kpsewhich") is None:
        return []
    text = "".join(
        _COMMENT.sub("", path.read_text(encoding="utf-8", errors="replace"))
        for path in (source, source.parent / "preamble.tex")
        if path.is_file()
    )
    named = [
        name.strip() + _SUFFIX[kind]
        for kind, names in _NAMED.findall(text)
        for name in names.split(",")
        if name.strip()
    ]
    named += [_FONTS[name] for name in named if name in _FONTS]
    return [name for name in dict.fromkeys(named) if not _found(name, source.parent)]


def _found(name: str, folder: Path) -> bool:
    return subprocess.run(["kpsewhich", name], cwd=folder, capture_output=True, check=False).returncode == 0


def _lacking(source: Path, missing: Sequence[str]) -> UserError:
    """Names what is missing and, in one command each for Debian and TeX Live, what brings it."""
    known = [BROUGHT_BY[name] for name in missing if name in BROUGHT_BY]
    others = [name for name in missing if name not in BROUGHT_BY]
    remedies = []
    if known:
        apt, tlmgr = (" ".join(dict.fromkeys(names)) for names in zip(*known, strict=True))
        remedies.append(f"`apt install {apt}` or `tlmgr install {tlmgr}`")
    remedies += [f"`tlmgr search --global --file /{name}` says what brings {name}" for name in others]
    return UserError(
        f"{source}: TeX lacks {', '.join(missing)}; the sources are written, not compiled.",
        f"{'; '.join(remedies)}.",
    )


def _pdflatex(source: Path) -> None:
    said = _run(
        source,
        ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", source.name],
    )
    if said is None:
        return
    if lost := _LOST.findall(said):
        raise _lacking(source, lost)
    wrong = next((line for line in said.splitlines() if line.startswith("!")), "see the log")
    raise UserError(f"{source}: pdflatex stopped: {wrong}", f"Look at {source.with_suffix('.log')}.")


def _run(source: Path, command: list[str]) -> str | None:
    """What a program said before it failed; None where it did not. Its lines are not broken at 79 letters."""
    done = subprocess.run(
        command,
        cwd=source.parent,
        env=os.environ | {"max_print_line": "1000"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.stdout.decode(errors="replace") if done.returncode else None
