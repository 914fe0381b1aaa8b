"""Puts the table and pictures of a real run into README and docs. `make docs-assets` runs the study first."""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from reports.build import build

USAGE = """
Copies a study's table into the README (between its two markers) and its figures to docs/assets.

  python -m reports.assets ablation=fiam [store=runs] [into=.]
"""
FIGURES = ("examples", "bars", "curves", "attention")
MARKERS = ("<!-- table: written by make docs-assets -->", "<!-- end of table -->")


@dataclass
class Arguments:
    """Arguments of `python -m reports.assets`."""

    ablation: str = "fiam"
    store: str = "runs"
    into: str = "."  # the checkout


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


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    report = build(store, arguments.ablation)
    checkout = Path(arguments.into)
    assets = checkout / "docs" / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    for figure in report.figures:
        stem = figure.stem.partition("-")[0]
        if figure.suffix == ".png" and stem in FIGURES:
            shutil.copyfile(figure, assets / f"{arguments.ablation}-{stem}.png")
    markdown = next(path for path in report.tables if path.name == "table.md").read_text(encoding="utf-8")
    readme = checkout / "README.md"
    readme.write_text(insert(readme.read_text(encoding="utf-8"), without_val(markdown)), encoding="utf-8")
    print(f"README.md and {assets} show {arguments.ablation} as it is in {store.root}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
