"""From stored cells to a study's tables, figures and page."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console

from bench.storage import files
from bench.storage.marks import refuse_foreign
from bench.storage.store import Store
from reports.figures.every_figure import draw_figures
from reports.figures.scenes import ReadScenes
from reports.page import unchanged
from reports.page.index import entry, write_index
from reports.page.study_page import PAGE, page_html
from reports.statistics.collapse import find_troubles
from reports.statistics.evidence import Evidence, weigh
from reports.statistics.frame import StudyFrame, read_frame
from reports.statistics.samples import read_samples
from reports.tables.console import show
from reports.tables.every_table import all_grids, write_grid
from reports.tables.grid import Grid
from reports.tables.marks import Marks
from reports.tables.study_table import study_grid

# what is written at the top of a report's folder
WRITTEN = (
    PAGE,
    *(f"table.{kind}" for kind in ("tex", "md", "html", "csv")),
    "results.csv",
    "tables",
    "figures",
)


@dataclass(frozen=True)
class Report:
    """What `write_report` wrote.

    Attributes:
        frame: The study's numbers.
        grid: Its table.
        folder: Where the files are.
        tables: Table files.
        figures: Figure files.
        remarks: What was left out and why, one line each.
        page: The study's page.
        evidence: What the samples support.
        index: The list of all studies; None where the report does not lie in the store.
    """

    frame: StudyFrame
    grid: Grid
    folder: Path
    tables: tuple[Path, ...]
    figures: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = field(default=())
    page: Path | None = None
    evidence: Evidence = field(default_factory=Evidence)
    index: Path | None = None

    def show(self, console: Console | None = None) -> None:
        """Prints the table, the paths and what was left out."""
        console = console or Console()
        show(self.grid, console)
        for remark in self.remarks:
            console.print(remark, markup=False, highlight=False, soft_wrap=True)
        for kind, paths in (("tables", self.tables), ("figures", self.figures)):
            names = " ".join(
                str(path.relative_to(self.folder)) for path in paths if path.parent == self.folder
            )
            folders = sorted({f"{path.parent.name}/" for path in paths if path.parent != self.folder})
            said = " ".join(filter(None, (names, *folders)))
            console.print(f"{kind}: {self.folder}/ {said}", markup=False, highlight=False, soft_wrap=True)
        for name, path in (("page", self.page), ("all studies", self.index)):
            if path:
                console.print(f"{name}: {path}", markup=False, highlight=False, soft_wrap=True)


def write_report(
    store: Store,
    study: str,
    scenes: ReadScenes,
    out: Path | None = None,
    *,
    marks: Marks | None = None,
    again: bool = False,
) -> Report:
    """Writes a study's tables, figures and page from what the store holds now.

    Args:
        store: Where the study was planned.
        study: Its name.
        scenes: Reads what figures show of the data set that cells were scored on.
        out: Folder to write to; None: `reports/<study>` in the store.
        marks: Which numbers stand out.
        again: Make it even if nothing changed.

    Raises:
        UserError: The store holds no such study, or `out` holds files of the same names that are no report's.
    """
    frame = read_frame(store, study)
    folder = out or store.root / "reports" / study
    if out is not None:
        refuse_foreign(folder, WRITTEN, mine=unchanged.is_report(folder))
        unchanged.mark(folder)
    marks = marks or Marks()
    named = unchanged.digest(store, frame, asdict(marks))
    record = None if again else unchanged.recall(folder, named)
    if record is not None:
        evidence = Evidence.from_json(record["evidence"])
        grid = study_grid(frame, evidence, marks)
        paths = {kind: tuple(folder / name for name in record[kind]) for kind in ("tables", "figures")}
        remarks = tuple(record["remarks"])
        index = None if out else write_index(store)
        return Report(
            frame, grid, folder, **paths, remarks=remarks, page=folder / PAGE, evidence=evidence, index=index
        )
    samples = {
        (dataset, split): found
        for dataset in frame.datasets
        for split, found in read_samples(store, frame, dataset).items()
    }
    evidence = weigh(frame, samples, find_troubles(store, frame, samples))
    grids = all_grids(store, frame, evidence, samples, marks)
    tables = [path for name, grid in grids.items() for path in write_grid(grid, folder / name)]
    results = folder / "results.csv"
    files.write_text(results, frame.results.to_csv(index=False, lineterminator="\n"))
    drawn, remarks = draw_figures(store, frame, evidence, samples, folder / "figures", scenes)
    page = folder / PAGE
    shown = list(grids.values())
    text = page_html(store, frame, evidence, samples, shown, drawn, remarks, folder, scenes)
    files.write_text(page, text)
    report = Report(frame, grids["table"], folder, (*tables, results), drawn, remarks, page, evidence)
    unchanged.remember(
        folder,
        named,
        [*report.tables, *report.figures, page],
        evidence=evidence.to_json(),
        tables=[str(path.relative_to(folder)) for path in report.tables],
        figures=[str(path.relative_to(folder)) for path in report.figures],
        remarks=list(remarks),
        entry=entry(store, frame, evidence),
    )
    return report if out else replace(report, index=write_index(store))
