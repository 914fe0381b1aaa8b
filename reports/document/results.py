"""All studies of a store as one LaTeX document."""

import subprocess
from pathlib import Path

from PIL import Image

from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.figures.scenes import ReadScenes
from reports.figures.style import COLUMN, DPI
from reports.page.report import Report, write_report
from reports.tables.evidence_notes import leaders, verdict_notes
from reports.text.escape import latex, plain, slug
from reports.text.templates import render

LAYOUTS = {
    "IEEEtran": r"\documentclass[journal]{IEEEtran}",
    "article": "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}",
}
CAPTIONS = {
    "bars": "mIoU of every row on test; lines are 95 % intervals, dots are seeds.",
    "curves": "Score on the selecting split and training loss by epoch.",
    "thresholds": "Share of test expressions whose IoU reaches a threshold.",
    "sizes": "Mean IoU against the share of the image that an object covers.",
    "categories": "Mean IoU by category.",
    "cost": "Accuracy against cost.",
    "examples": "Largest gains, the median, and largest losses, chosen by rule.",
    "failures": "Expressions that every row fails on, drawn at random.",
}

MARK = "% Made by python -m reports.paper, which replaces it: edit a copy.\n"


def collect(
    store: Store, studies: list[str], scenes: ReadScenes, out: Path, layout: str = "IEEEtran"
) -> Path:
    """Builds the studies and writes results.tex with its tables and figures beside it.

    Args:
        store: Where the studies were planned.
        studies: Their names, in the document's order.
        scenes: Reads what figures show of the data sets.
        out: Folder to write to.
        layout: A key of `LAYOUTS`.

    Returns:
        The path of results.tex.

    Raises:
        UserError: The store holds no such study, or `out` a results.tex that was not made here.
    """
    source = out / "results.tex"
    mine = source.is_file() and source.read_text(errors="replace").startswith(MARK)
    refuse_foreign(out, [source.name], mine=mine or out == store.root / "paper")
    sections = [_section(write_report(store, name, scenes), out) for name in studies]
    page = render("results.tex.j2", {}, setup=LAYOUTS[layout], sections=sections)
    files.write_text(source, MARK + page)
    return source


def _section(report: Report, out: Path) -> dict[str, object]:
    """Copies what a study's section shows; names in the paper begin with the study's."""
    name = slug(report.frame.study["name"])
    tables, figures = [], []
    for path in report.tables:
        if path.suffix == ".tex":
            target = out / "tables" / f"{name}-{path.name}"
            files.write_bytes(target, path.read_bytes())
            tables.append(f"tables/{target.name}")
    for path in report.figures:
        if path.suffix == ".pdf":
            stem = slug(path.stem).replace(".", "-")
            target = out / "figures" / f"{name}-{stem}.pdf"
            files.write_bytes(target, path.read_bytes())
            caption = CAPTIONS.get(path.stem.partition("-")[0], "")
            figures.append(
                {
                    "path": f"figures/{target.name}",
                    "caption": latex(f"{report.grid.title}. {caption}"),
                    "wide": _inches(path) > COLUMN,
                }
            )
    summary = [
        latex(said) for said in (*leaders(report.frame, report.evidence), *verdict_notes(report.evidence))
    ]
    return {
        "title": latex(plain(report.grid.title)),
        "summary": summary or [latex("No cell is done yet.")],
        "tables": tables,
        "figures": figures,
    }


def _inches(figure: Path) -> float:
    """Width of a figure, told by the picture beside its PDF."""
    with Image.open(figure.with_suffix(".png")) as picture:
        return float(picture.width) / DPI


def compile_pdf(source: Path) -> Path:
    """Compiles results.tex, twice for its references.

    Raises:
        UserError: pdflatex stopped; names the log.
    """
    for _ in range(2):
        done = subprocess.run(
            ["pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", source.name],
            cwd=source.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = [
                line for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("!")
            ]
            raise UserError(
                f"{source}: pdflatex stopped: {said[0] if said else 'see the log'}",
                f"Look at {source.with_suffix('.log')}; tables need siunitx, booktabs, amssymb and xcolor.",
            )
    return source.with_suffix(".pdf")
