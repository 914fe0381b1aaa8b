"""Puts the table and pictures of a real run into README and docs. `make docs-assets` runs the study first."""

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import command
from bench.terminal.paths import path
from reports import write_report
from reports.document.readme import put

USAGE = """
Copies a study's table into the README (between its two markers) and its figures to docs/assets.

  python -m reports.assets ablation=fiam store=runs into=.
"""


@dataclass
class Arguments:
    """Arguments of `python -m reports.assets`."""

    ablation: str = "fiam"
    store: str = path("runs")
    into: str = path(".")  # the checkout


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 done, 2 the request is wrong."""
    arguments = parse(argv, Arguments, USAGE)
    store = Store(arguments.store)
    report = write_report(store, arguments.ablation, read_scenes)
    assets = put(report, Path(arguments.into))
    print(f"README.md and {assets} show {arguments.ablation} as it is in {store.root}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
