"""A report's table and pictures in a checkout's README and docs."""

import re
import shutil
from pathlib import Path

from bench.terminal.errors import UserError
from reports.page.report import Report

FIGURES = ("examples", "bars", "curves", "attention")
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
    markdown = next(path for path in report.tables if path.name == "table.md").read_text(encoding="utf-8")
    readme = checkout / "README.md"
    readme.write_text(insert(readme.read_text(encoding="utf-8"), without_val(markdown)), encoding="utf-8")
    return assets


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


def without_val(markdown: str) -> str:
    """Title, the table of the test split, and the notes: the val table is left to the report."""
    return re.sub(r"\*\*[^*\n]+, val\*\*\n\n(?:\|.*\n)+\n?", "", markdown)
