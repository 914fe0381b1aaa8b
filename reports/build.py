"""From stored cells to a study's tables and figures: `python -m reports.build ablation=fiam`."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench.storage import files
from bench.storage.store import Store
from bench.terminal.arguments import parse
from bench.terminal.errors import DataError, UserError, command
from reports import attention, detail, examples, figures, terminal, unchanged, writers
from reports.breakdown import part_grids
from reports.costs import cost_grid, costs_of, settings_grid
from reports.escape import plain, slug
from reports.evidence import Evidence, Place, weigh
from reports.frame import StudyFrame, read_frame
from reports.grid import Grid
from reports.page import PAGE, page_html
from reports.samples import Samples, read_samples
from reports.spreads import interval_grid, range_grid
from reports.style import save, style
from reports.tables import reproduction_grid, statistics_grid, study_grid

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
FORMATS = {"tex": writers.latex, "md": writers.markdown, "html": writers.html, "csv": writers.table_csv}


@dataclass
class Options:
    """Arguments of `python -m reports.build`."""

    ablation: str | None = None
    store: str = "runs"
    out: str | None = None
    rank_published: bool = False
    again: bool = False


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
        page: The study's page.
        evidence: What the samples support.
    """

    frame: StudyFrame
    grid: Grid
    folder: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    page: Path | None = None
    evidence: Evidence = field(default_factory=Evidence)

    def show(self, console: Console | None = None) -> None:
        """Prints the table, the paths and what was left out."""
        console = console or Console()
        terminal.show(self.grid, console)
        for remark in self.remarks:
            console.print(remark, markup=False, highlight=False, soft_wrap=True)
        for kind, paths in (("tables", self.tables), ("figures", self.figures)):
            names = " ".join(
                str(path.relative_to(self.folder)) for path in paths if path.parent == self.folder
            )
            folders = sorted({f"{path.parent.name}/" for path in paths if path.parent != self.folder})
            said = " ".join(filter(None, (names, *folders)))
            console.print(f"{kind}: {self.folder}/ {said}", markup=False, highlight=False, soft_wrap=True)
        if self.page:
            console.print(f"page: {self.page}", markup=False, highlight=False, soft_wrap=True)


def build(
    store: Store, study: str, out: Path | None = None, *, rank_published: bool = False, again: bool = False
) -> Report:
    """Writes a study's tables, figures and page from what the store holds now.

    Args:
        store: Where the study was planned.
        study: Its name.
        out: Folder to write to; None: `reports/<study>` in the store.
        rank_published: Whether numbers of papers compete for best and second.
        again: Make it even if nothing changed.

    Raises:
        UserError: The store holds no such study.
    """
    frame = read_frame(store, study)
    folder = out or store.root / "reports" / study
    named = unchanged.digest(store, frame, rank_published)
    record = None if again else unchanged.recall(folder, named)
    if record is not None:
        evidence = Evidence.from_json(record["evidence"])
        grid = study_grid(frame, evidence, rank_printed=rank_published)
        paths = {kind: tuple(folder / name for name in record[kind]) for kind in ("tables", "figures")}
        remarks = tuple(record["remarks"])
        return Report(frame, grid, folder, **paths, remarks=remarks, page=folder / PAGE, evidence=evidence)
    samples = {
        (dataset, split): found
        for dataset in frame.datasets
        for split, found in read_samples(store, frame, dataset).items()
    }
    evidence = weigh(frame, samples)
    grids = all_grids(store, frame, evidence, samples, rank_printed=rank_published)
    tables = [path for name, grid in grids.items() for path in write_grid(grid, folder / name)]
    results = folder / "results.csv"
    files.write_text(results, frame.results.to_csv(index=False, lineterminator="\n"))
    drawn, remarks = draw_figures(store, frame, evidence, samples, folder / "figures")
    page = folder / PAGE
    files.write_text(
        page, page_html(store, frame, evidence, samples, list(grids.values()), drawn, remarks, folder)
    )
    report = Report(frame, grids["table"], folder, (*tables, results), drawn, remarks, page, evidence)
    unchanged.remember(
        folder,
        named,
        [*report.tables, *report.figures, page],
        evidence=evidence.to_json(),
        tables=[str(path.relative_to(folder)) for path in report.tables],
        figures=[str(path.relative_to(folder)) for path in report.figures],
        remarks=list(remarks),
    )
    return report


def all_grids(
    store: Store,
    frame: StudyFrame,
    evidence: Evidence,
    samples: Mapping[Place, Samples],
    *,
    rank_printed: bool = False,
) -> dict[str, Grid]:
    """Every table of a study by its path without ending, the main one first."""
    others = [
        statistics_grid(frame, evidence),
        interval_grid(frame, evidence),
        range_grid(frame),
        reproduction_grid(frame),
        *part_grids(frame, samples),
        cost_grid(store, frame),
        settings_grid(store, frame),
    ]
    prefix = f"{plain(frame.study['name'])}-"
    return {"table": study_grid(frame, evidence, rank_printed=rank_printed)} | {
        f"tables/{grid.name.removeprefix(prefix)}": grid for grid in others if grid is not None
    }


def write_grid(grid: Grid, stem: Path) -> list[Path]:
    """Writes a table in every format."""
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in FORMATS]
    for path, writer in zip(paths, FORMATS.values(), strict=True):
        files.write_text(path, writer(grid))
    return paths


def draw_figures(
    store: Store,
    frame: StudyFrame,
    evidence: Evidence,
    samples: Mapping[Place, Samples],
    folder: Path,
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Draws what the store has numbers for; returns the files, and what was left out and why."""
    paths: list[Path] = []
    remarks: list[str] = []
    with style():
        history = figures.read_history(store, frame)
        if history.empty:
            remarks.append("No training curves: no cell has finished an epoch.")
        else:
            paths += save(figures.curves(history, frame), folder / "curves")
        paths += save(figures.bars(frame, evidence), folder / "bars")
        tested = {dataset: found for (dataset, split), found in samples.items() if split == "test"}
        if tested:
            paths += save(detail.thresholds(frame, tested), folder / "thresholds")
            paths += save(detail.sizes(frame, tested), folder / "sizes")
            for dataset, found in tested.items():
                paths += save(
                    detail.categories(frame, found, dataset), folder / f"categories-{slug(dataset)}"
                )
        for dataset in frame.datasets:
            spent, unit = costs_of(store, frame, dataset)
            if len(set(spent.values())) > 1:
                paths += save(detail.costs(frame, dataset, spent, unit), folder / f"cost-{slug(dataset)}")
            try:
                compared = examples.compare(store, frame, dataset)
                pictured = examples.draw(compared, frame, examples.read_references(store, compared))
            except (examples.NoExamples, DataError) as reason:
                remarks.append(f"No figure of examples for {reason}.")
            else:
                for name, drawn in pictured.items():
                    paths += save(drawn, folder / f"{name}-{slug(dataset)}")
            try:
                looked = attention.find(store, frame, dataset)
                if looked is not None:
                    paths += save(attention.draw(looked), folder / f"attention-{slug(dataset)}")
            except (examples.NoExamples, DataError) as reason:
                remarks.append(f"No figure of attention for {reason}.")
    return tuple(paths), tuple(remarks)


@command
def main(argv: list[str]) -> int:
    """The command line."""
    options = parse(argv, Options, USAGE)
    if options.ablation is None:
        raise UserError("ablation=: which study?", "For example `python -m reports.build ablation=fiam`.")
    started = time.perf_counter()
    report = build(
        Store(options.store),
        options.ablation,
        Path(options.out) if options.out else None,
        rank_published=options.rank_published,
        again=options.again,
    )
    report.show()
    print(f"Built in {time.perf_counter() - started:.1f} s.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
