"""Two studies or two stores beside each other: `python -m reports.compare A B`."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from bench.terminal.arguments import parse, positional
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from reports.comparison.console import show
from reports.comparison.differences import compare, pairs

USAGE = """
Says whether two studies, or all studies that two stores share, have the same numbers (did an upgrade change them?).
Rows are matched by key, data set, split and seed; the differences are B minus A.

  python -m reports.compare runs runs-new               every study that both stores hold
  python -m reports.compare runs:fiam runs-new:fiam     one study of each
  python -m reports.compare fiam fiam-long              two studies of the store `runs`
  python -m reports.compare fiam fiam-long store=DIR

  store=DIR         where studies named without a store lie (runs)
  tolerance=0.005   differences up to this many points count as the same
  --json            everything compared, for scripts

exit codes: 0 the same numbers, 1 some differ or are missing on one side, 2 the request is wrong
"""


@dataclass
class Options:
    """The keys of `python -m reports.compare`."""

    store: str = path("runs")
    tolerance: float = 0.005
    json: bool = False


@command
def main(argv: list[str]) -> int:
    """Exit codes: 0 the same, 1 something differs, 2 the request is wrong."""
    named, keyed = positional(argv)
    options = parse(keyed, Options, USAGE)
    if len(named) != 2:
        raise UserError(
            f"{len(named)} names given; two are compared.",
            "For example `python -m reports.compare runs:fiam runs-new:fiam`.",
        )
    found = [each for one, other in pairs(named[0], named[1], options.store) for each in compare(one, other)]
    if options.json:
        print(json.dumps([_plain(asdict(each)) for each in found]))
    else:
        show(found, options.tolerance, Console(width=None if sys.stdout.isatty() else 160))
    return int(any(each.missing or each.largest > options.tolerance for each in found))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if value != value else value for key, value in values.items()}


if __name__ == "__main__":
    sys.exit(main())
