"""All studies of a store as one document: `python -m reports.paper`."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from bench.terminal.arguments import nearest, parse
from bench.terminal.command_line import command_line
from bench.terminal.errors import UserError, command
from bench.terminal.paths import path
from reports.document.results import LAYOUTS, collect, compile_pdf

USAGE = """
Collects the tables and figures of all studies of a store into one results.tex, and compiles it.

  python -m reports.paper                        every study of `runs`, into runs/paper/
  python -m reports.paper 'studies=[main,fiam]' out=paper/results layout=article

  store=DIR       where the cells lie (runs)
  'studies=[A,B]'   these, in this order (all)
  out=DIR         where to write (STORE/paper)
  layout=NAME     IEEEtran (two columns) or article (one column, narrow margins)
  pdf=false       write the sources and do not compile

Writes results.tex, tables/*.tex (for \\input), figures/*.pdf and, where pdflatex is installed, results.pdf.
"""


@dataclass
class Options:
    """The keys of `python -m reports.paper`."""

    store: str = path("runs")
    studies: list[str] | None = None
    out: str | None = path(None)
    layout: str = "IEEEtran"
    pdf: bool = True


@command
def main(argv: list[str]) -> int:
    """The command line."""
    options = parse(argv, Options, USAGE)
    store = Store(options.store)
    if options.layout not in LAYOUTS:
        raise UserError(f"layout={options.layout}: no such layout.", nearest(options.layout, LAYOUTS))
    studies = options.studies if options.studies is not None else store.studies()
    if not studies:
        run = command_line("bench.run", *store.words)
        raise UserError(f"store={options.store}: it holds no study.", f"Run `{run}` first.")
    out = Path(options.out or store.root / "paper")
    source = collect(store, studies, read_scenes, out, options.layout)
    print(source)
    if not options.pdf:
        return 0
    if shutil.which("pdflatex") is None:
        print("pdflatex is not installed: results.tex is not compiled.", file=sys.stderr)
        return 0
    print(compile_pdf(source))
    return 0


if __name__ == "__main__":
    sys.exit(main())
