"""From stored cells to a study's tables and figures: `python -m reports.build ablation=fiam`."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from bench.terminal.arguments import nearest, parse
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from reports import Best, Marks, Stars, write_report

USAGE = """
Rebuilds the tables, figures and page of a study from the stored cells. Nothing is trained; missing cells
show as missing. What has not changed is not made again.

  python -m reports.build ablation=fiam                  study `fiam` of the store `runs`
  python -m reports.build ablation=fiam out=paper/fiam   somewhere else than runs/reports/fiam

  ablation=NAME         the study, as given to bench.run
  store=DIR             where the cells lie (runs)
  out=DIR               where to write (STORE/reports/NAME)
  best=group            bold is what no test over seeds and images tells from the highest (best=maximum: the highest
                        number, and the second underlined, untested)
  stars=images          stars of tests over other images alone too, which say nothing of other trainings (stars=seeds:
                        only where three seeds or more let a test speak of both)
  rank_published=true   let numbers of papers compete; with best=maximum
  again=true            make everything again

Writes index.html, table.tex|md|html|csv, tables/ (statistics, parts of the test split, cost, settings,
reproduction), results.csv (one line per row x data set x split x seed) and figures/, and prints the table.
STORE/reports/index.html lists all studies.
"""


@dataclass
class Options:
    """Arguments of `python -m reports.build`."""

    ablation: str | None = None
    store: str = path("runs")
    out: str | None = path(None)
    best: str = "group"
    stars: str = "seeds"
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
        marks=_marks(options),
        again=options.again,
    )
    report.show()
    print(f"Built in {time.perf_counter() - started:.1f} s.", file=sys.stderr)
    return 0


def _marks(options: Options) -> Marks:
    for key, kinds in (("best", Best), ("stars", Stars)):
        if (value := getattr(options, key)) not in list(kinds):
            raise UserError(f"{key}={value}: no such choice.", nearest(value, list(kinds)))
    if options.rank_published and options.best != Best.maximum:
        raise UserError(
            "rank_published=true: nothing tests printed numbers against ours.",
            "Add best=maximum, which marks the highest number untested.",
        )
    return Marks(Best(options.best), Stars(options.stars), options.rank_published)


if __name__ == "__main__":
    sys.exit(main())
