"""The beginning of a paper: what its author writes is written once, what the store says is made anew each time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.document.parts import Part, by_lines, write_part
from reports.figures.scenes import ReadScenes
from reports.page.report import write_report
from reports.tables.latex_table import STYLES
from reports.text.escape import slug
from reports.text.templates import Filters, asset, render

MAIN = "main.tex"
PREAMBLE = "preamble.tex"
SUPPLEMENT = "supplement.tex"
FOLDERS = ("text", "tables", "figures")
MARK = "% Made by python -m reports.paper style={style}, which replaces it: write elsewhere."
_MARKED = re.compile(r"% Made by python -m reports\.paper style=(\w+),")
_COMMENT = re.compile(r"(?<!\\)%.*")
_SHOWN = re.compile(rf"\\(input|includegraphics)\s*(?:\[[^]]*\])?\s*\{{((?:{'|'.join(FOLDERS)})/[^}}]+)\}}")


@dataclass(frozen=True)
class Layout:
    """The page of a style of tables.

    Attributes:
        setup: Its class and margins.
        bibliography: Style of its references.
        per_line: How many narrow figures stand side by side in the text.
        figure: Width of a narrow figure that stands alone.
        supplement: What makes lines as wide as the page for the supplement.
    """

    setup: str
    bibliography: str
    per_line: int
    figure: str
    supplement: str = ""


LAYOUTS = {
    "booktabs": Layout(
        "\\documentclass[a4paper]{article}\n\\usepackage[margin=2cm]{geometry}", "plain", 2, r".48\linewidth"
    ),
    "ieee": Layout(
        r"\documentclass[journal]{IEEEtran}", "IEEEtran", 1, r"\linewidth", "\\clearpage\n\\onecolumn\n"
    ),
}
FILTERS: Filters = {"by_lines": by_lines}


@dataclass(frozen=True)
class Paper:
    """What `write_paper` wrote: the file to compile, and what its author should know, a line each."""

    source: Path
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section of results; `hint` says in a comment what belongs there."""

    title: str
    hint: str
    studies: tuple[Part, ...]


def begun_style(out: Path) -> str | None:
    """The style a paper's folder was begun in; None where none was begun."""
    preamble = out / PREAMBLE
    found = _MARKED.match(preamble.read_text(errors="replace")) if preamble.is_file() else None
    return found[1] if found and found[1] in STYLES else None


def write_paper(store: Store, studies: Sequence[str], scenes: ReadScenes, out: Path, style: str) -> Paper:
    """Builds the studies and writes a paper's sources: its text where there is none, its tables and figures anew.

    Args:
        store: Where the studies were planned.
        studies: Their names, in the paper's order.
        scenes: Reads what figures show of the data sets.
        out: Folder to write to.
        style: A key of `LAYOUTS`, and of `STYLES`.

    Raises:
        UserError: The store holds no such study, two would share files, the folder was begun in another style, or
            holds files that were not made here.
    """
    begun, main = begun_style(out), out / MAIN
    if begun not in (None, style) and main.exists():
        raise UserError(
            f"out={out}: this paper was begun with style={begun}, and its {MAIN} is kept.",
            f"Pass style={begun}, or out=DIR of a new folder.",
        )
    _refuse_alike(studies)
    mine = begun is not None or out == store.root / "paper"
    refuse_foreign(out, [PREAMBLE, SUPPLEMENT, *FOLDERS], mine=mine)
    reports = [write_report(store, name, scenes) for name in studies]
    mark = MARK.format(style=style)
    files.write_text(out / PREAMBLE, render("paper/preamble.tex.j2", {}, mark=mark))
    parts = [write_part(store, report, out, STYLES[style], mark) for report in reports]
    layout = LAYOUTS[style]
    supplement = render("paper/supplement.tex.j2", FILTERS, mark=mark, layout=layout, studies=parts)
    files.write_text(out / SUPPLEMENT, supplement)
    remarks = _remarks(main, parts) if main.exists() else ()
    text = render("paper/main.tex.j2", FILTERS, layout=layout, sections=_sections(parts))
    for path, written in (
        (main, text),
        (out / "references.bib", str(asset("paper/references.bib"))),
        (out / "Makefile", str(asset("paper/Makefile"))),
    ):
        if not path.exists():
            files.write_text(path, written)
    return Paper(main, remarks)


def _refuse_alike(studies: Sequence[str]) -> None:
    """Raises `UserError` where two studies would have files and labels of one name (`a_b`, `a-b`)."""
    known: dict[str, str] = {}
    for name in studies:
        if (other := known.setdefault(slug(name), name)) != name:
            raise UserError(
                f"studies={name}: its files would have the names of those of study {other}.",
                "Leave one out, or run it again under another name=.",
            )


def _sections(parts: Sequence[Part]) -> tuple[Section, Section]:
    """Studies of several published models are experiments, all others ablations."""
    compared = tuple(part for part in parts if part.compares)
    others = tuple(part for part in parts if not part.compares)
    measured = (
        "How it was measured stands below the tables, what all rows share in the supplement: say it yourself."
    )
    return (
        Section("Experiments", measured, compared),
        Section("Ablation", "What each part adds, and what the tests say of it.", others),
    )


def _remarks(main: Path, parts: Sequence[Part]) -> tuple[str, ...]:
    """What is to know of a text that was kept: what it does not show, and what it shows that was not made anew."""
    text = _COMMENT.sub("", main.read_text(encoding="utf-8", errors="replace"))
    suffix = {"input": ".tex", "includegraphics": ".pdf"}
    shown = {
        path if path.endswith(suffix[kind]) else path + suffix[kind] for kind, path in _SHOWN.findall(text)
    }
    made = {path for part in parts for path in part.files}
    remarks = [f"{main} is kept as it is; tables and figures were made anew."]
    for part in parts:
        if not shown & {*part.files}:
            remarks.append(f"{main} shows nothing of study {part.name}: \\input{{{part.tables[0]}}} would.")
    remarks += [f"{main} shows {path}, which is of an earlier run." for path in sorted(shown - made)]
    return tuple(remarks)
