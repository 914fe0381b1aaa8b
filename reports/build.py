"""From stored cells to a study's tables and figures: `python -m reports.build ablation=fiam`."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from reports import write_report

USAGE = """
Rebuilds the tables, figures and page of a study from the stored cells. Nothing is trained; missing cells
show as missing. What has not changed is not made again.

  python -m reports.build ablation=fiam                  study `fiam` of the store `runs`
  python -m reports.build ablation=fiam out=paper/fiam   somewhere else than runs/reports/fiam

  ablation=NAME         the study, as given to bench.run
  store=DIR             where the cells lie (runs)
  out=DIR               where to write (STORE/reports/NAME)
  rank_published=true   let numbers of papers compete for best and second
  again=true            make everything again

Writes index.html, table.tex|md|html|csv, tables/ (statistics, parts of the test split, cost, settings,
reproduction), results.csv (one line per row x data set x split x seed) and figures/, and prints the table.
"""


@dataclass
class Options:
    """Arguments of `python -m reports.build`."""

    ablation: str | None = None
    store: str = path("runs")
    out: str | None = path(None)
    rank_published: bool = False
    again: bool = False


@command
def main(argv: list[str]) -> int:
    """The command line."""
    options = parse(argv, Options, USAGE)
    if options.ablation is None:
        raise UserError("ablation=: which study?", "For example `python -m reports.build ablation=fiam`.")
    started = time.perf_counter()
    report = write_report(
        Store(options.store),
        options.ablation,
        read_scenes,
        Path(options.out) if options.out else None,
        rank_published=options.rank_published,
        again=options.again,
    )
    report.show()
    print(f"Built in {time.perf_counter() - started:.1f} s.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
