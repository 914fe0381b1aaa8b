"""The studies of a store as the beginning of a paper: `python -m reports.paper`."""

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
from reports.document.paper import LAYOUTS, begun_style, write_paper
from reports.document.pdflatex import compile_pdf

USAGE = """
Begins a paper with the tables and figures of a store's studies, and compiles it. Run it again when there are new
results: tables and figures are made anew, your text stays.

  python -m reports.paper out=paper                      every study of `runs`, into paper/
  python -m reports.paper 'studies=[main,fiam]' out=paper style=ieee

  store=DIR         where the cells lie (runs)
  'studies=[A,B]'   these, in this order (all but searches)
  searches=true     hyper-parameter searches of bench.tune too
  out=DIR           where to write (STORE/paper)
  style=NAME        booktabs (article, one column) or ieee (IEEEtran, two columns); (that of the folder, else booktabs)
  pdf=false         write the sources and do not compile

Yours, written once and never again: main.tex, references.bib, Makefile (`make` compiles).
Made anew each time: preamble.tex, supplement.tex, text/, tables/ (for \\input), figures/ and, where pdflatex is
installed, main.pdf.
"""


@dataclass
class Options:
    """The keys of `python -m reports.paper`."""

    store: str = path("runs")
    studies: list[str] | None = None
    searches: bool = False
    out: str | None = path(None)
    style: str | None = None
    pdf: bool = True


@command
def main(argv: list[str]) -> int:
    """The command line."""
    options = parse(argv, Options, USAGE)
    store = Store(options.store)
    out = Path(options.out or store.root / "paper")
    style = options.style or begun_style(out) or "booktabs"
    if style not in LAYOUTS:
        raise UserError(f"style={style}: no such style.", nearest(style, LAYOUTS))
    paper = write_paper(store, _studies(store, options), read_scenes, out, style)
    for remark in paper.remarks:
        print(remark, file=sys.stderr)
    print(paper.source)
    if not options.pdf:
        return 0
    if shutil.which("pdflatex") is None:
        print(
            "pdflatex is not installed: main.tex is not compiled. It comes with `apt install texlive-latex-base`.",
            file=sys.stderr,
        )
        return 0
    print(compile_pdf(paper.source))
    return 0


def _studies(store: Store, options: Options) -> list[str]:
    """Those that are named; else all, searches only where asked for."""
    if options.studies is not None:
        studies = [*dict.fromkeys(options.studies)]
    else:
        studies = [name for name in store.studies() if options.searches or not store.search(name)]
    if not studies:
        run = command_line("bench.run", *store.words)
        raise UserError(f"store={options.store}: it holds no study.", f"Run `{run}` first.")
    return studies


if __name__ == "__main__":
    sys.exit(main())
