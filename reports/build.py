"""From stored cells to a study's tables and figures: `python -m reports.build ablation=fiam`."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench import files
from bench.arguments import parse
from bench.errors import DataError, UserError, command
from bench.store import Store
from reports import examples, figures, terminal, writers
from reports.escape import slug
from reports.frame import StudyFrame, read_frame
from reports.grid import Grid
from reports.style import save, style
from reports.tables import study_grid

USAGE = """
Rebuilds the tables and figures of a study from the stored cells. Nothing is trained; missing cells
show as missing.

  python -m reports.build ablation=fiam                  study `fiam` of the store `runs`
  python -m reports.build ablation=fiam out=paper/fiam   somewhere else than runs/reports/fiam

  ablation=NAME   the study, as given to bench.run
  store=DIR       where the cells lie (runs)
  out=DIR         where to write (STORE/reports/NAME)

Writes table.tex, table.md, table.html, table.csv (aggregated, full precision), results.csv (one line per
row x data set x split x seed) and figures/*.png|pdf, and prints the table.
"""


@dataclass
class Options:
    """Arguments of `python -m reports.build`."""

    ablation: str | None = None
    store: str = "runs"
    out: str | None = None


@dataclass(frozen=True)
class Report:
    """What `build` wrote.

    Attributes:
        frame: The study's numbers.
        grid: Its table.
        folder: Where the files are.
        tables: Table files.
        figures: Figure files.
        remarks: What was left out and why, one line each.
    """

    frame: StudyFrame
    grid: Grid
    folder: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = field(default=())

    def show(self, console: Console | None = None) -> None:
        """Prints the table, the paths and what was left out."""
        console = console or Console()
        terminal.show(self.grid, console)
        for remark in self.remarks:
            console.print(remark, markup=False, highlight=False, soft_wrap=True)
        for kind, paths in (("tables", self.tables), ("figures", self.figures)):
            names = " ".join(str(path.relative_to(self.folder)) for path in paths)
            console.print(f"{kind}: {self.folder}/ {names}", markup=False, highlight=False, soft_wrap=True)


def build(store: Store, study: str, out: Path | None = None) -> Report:
    """Writes a study's tables and figures from what the store holds now.

    Args:
        store: Where the study was planned.
        study: Its name.
        out: Folder to write to; None: `reports/<study>` in the store.

    Raises:
        UserError: The store holds no such study.
    """
    frame = read_frame(store, study)
    grid = study_grid(frame)
    folder = out or store.root / "reports" / study
    written = {
        "table.tex": writers.latex(grid),
        "table.md": writers.markdown(grid),
        "table.html": writers.html(grid),
        "table.csv": writers.table_csv(grid),
        "results.csv": frame.results.to_csv(index=False, lineterminator="\n"),
    }
    for name, content in written.items():
        files.write_text(folder / name, content)
    drawn, remarks = draw_figures(store, frame, folder / "figures")
    return Report(frame, grid, folder, tuple(folder / name for name in written), drawn, remarks)


def draw_figures(store: Store, frame: StudyFrame, folder: Path) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Draws what the store has numbers for; returns the files, and what was left out and why."""
    paths: list[Path] = []
    remarks: list[str] = []
    with style():
        history = figures.read_history(store, frame)
        if history.empty:
            remarks.append("No training curves: no cell has finished an epoch.")
        else:
            paths += save(figures.curves(history, frame), folder / "curves")
        paths += save(figures.bars(frame), folder / "bars")
        for dataset in frame.datasets:
            try:
                compared = examples.compare(store, frame, dataset)
                drawn = examples.draw(compared, frame, examples.read_references(store, compared))
            except (examples.NoExamples, DataError) as reason:
                remarks.append(f"No figure of examples for {reason}.")
            else:
                paths += save(drawn, folder / f"examples-{slug(dataset)}")
    return tuple(paths), tuple(remarks)


@command
def main(argv: list[str]) -> int:
    """The command line."""
    options = parse(argv, Options, USAGE)
    if options.ablation is None:
        raise UserError("ablation=: which study?", "For example `python -m reports.build ablation=fiam`.")
    started = time.perf_counter()
    report = build(Store(options.store), options.ablation, Path(options.out) if options.out else None)
    report.show()
    print(f"Built in {time.perf_counter() - started:.1f} s.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
