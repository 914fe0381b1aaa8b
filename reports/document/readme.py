"""A report's table and pictures in a checkout's README and docs."""

import re
import shutil
from pathlib import Path

from bench.terminal.errors import UserError
from reports.page.report import Report
from reports.statistics.evidence import Evidence
from reports.statistics.frame import StudyFrame
from reports.statistics.two_way import SEEDS
from reports.tables.evidence_notes import leaders
from reports.text.escape import markdown

FIGURES = ("examples", "bars", "curves", "attention")
ONE_TRAINING = (
    "These numbers do not say which row is best: another training of each may order them otherwise."
)
MARKERS = ("<!-- table: written by make docs-assets -->", "<!-- end of table -->")


def put(report: Report, checkout: Path) -> Path:
    """Copies a report's table into README.md and its pictures to docs/assets; returns that folder.

    Raises:
        UserError: README.md lacks a marker.
    """
    assets = checkout / "docs" / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for figure in report.figures:
        stem = figure.stem.partition("-")[0]
        if figure.suffix == ".png" and stem in FIGURES:
            shutil.copyfile(figure, assets / f"{report.frame.study['name']}-{stem}.png")
    table = next(path for path in report.tables if path.name == "table.md").read_text(encoding="utf-8")
    readme = checkout / "README.md"
    shown = f"{without_val(table).strip()}\n\n{reading(report.frame, report.evidence)}"
    readme.write_text(insert(readme.read_text(encoding="utf-8"), shown), encoding="utf-8")
    return assets


def reading(frame: StudyFrame, evidence: Evidence) -> str:
    """What the table may be read as: nothing about which row is best while seeds are few, else what tests tell."""
    if len(frame.seeds) < SEEDS:
        return ONE_TRAINING
    return " ".join(map(markdown, leaders(frame, evidence)))


def insert(page: str, table: str) -> str:
    """The page with everything between the markers replaced.

    Raises:
        UserError: The page lacks a marker.
    """
    start, end = (page.find(marker) for marker in MARKERS)
    if not 0 <= start < end:
        raise UserError(
            "README.md: the table's markers are missing.", f"Add the lines {' and '.join(MARKERS)}."
        )
    return f"{page[:start]}{MARKERS[0]}\n\n{table.strip()}\n\n{page[end:]}"


def without_val(table: str) -> str:
    """Title, the table of the test split, and the notes: the val table is left to the report."""
    return re.sub(r"\*\*[^*\n]+, val\*\*\n\n(?:\|.*\n)+\n?", "", table)
