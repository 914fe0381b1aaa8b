"""What a paper shows of one study: sentences, tables and figures, as files beside its text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from bench.storage import files
from bench.storage.store import Store
from reports.figures.style import COLUMN, DPI
from reports.page.report import Report
from reports.statistics.samples import read_samples
from reports.tables.every_table import all_grids
from reports.tables.evidence_notes import leaders, verdict_notes
from reports.tables.grid import Grid
from reports.tables.latex_table import LatexStyle, latex_table
from reports.tables.settings_table import condensed
from reports.text.escape import latex, plain, slug

CAPTIONS = {
    "bars": "mIoU of every row on test; lines are 95 % intervals, dots are seeds.",
    "examples": "Largest gains, the median, and largest losses, chosen by rule.",
    "attention": "What context, object and position words do at every stage; sentences chosen by rule.",
    "curves": "Score on the selecting split and training loss by epoch.",
    "fractions": "Score by the share of the training images.",
    "thresholds": "Share of test expressions whose IoU reaches a threshold.",
    "sizes": "Mean IoU against the share of the image that an object covers.",
    "categories": "Mean IoU by category.",
    "cost": "Accuracy against cost.",
    "failures": "Expressions that every row fails on, drawn at random.",
    "history": "The search, trial by trial.",
    "values": "What each searched value scored on val.",
    "importance": "How much of the scores' spread each searched key explains.",
}
# What stands in the text; all else is for the supplement. A column of two is wide enough for these figures.
FIGURES = ("bars", "thresholds", "sizes", "categories")
TABLES = ("table", "statistics", "settings")


@dataclass(frozen=True)
class Figure:
    """A figure's file, its caption in LaTeX, its label, and whether one of two columns is too narrow for it."""

    path: str
    kind: str
    caption: str
    key: str
    wide: bool


@dataclass(frozen=True)
class Part:
    """A study's share of the paper; paths are relative to the paper's folder.

    Attributes:
        name: The study.
        key: Its name in labels and files.
        title: In LaTeX.
        said: File of what the store says.
        tables: Files of the tables for the text, the main one first.
        figures: Figures for the text.
        other_tables: Those for the supplement.
        other_figures: Those for the supplement.
        compares: Whether several rows have the names of the published models that they are.
    """

    name: str
    key: str
    title: str
    said: str
    tables: tuple[str, ...]
    figures: tuple[Figure, ...]
    other_tables: tuple[str, ...]
    other_figures: tuple[Figure, ...]
    compares: bool

    @property
    def files(self) -> tuple[str, ...]:
        """Everything that was written."""
        figures = (figure.path for figure in (*self.figures, *self.other_figures))
        return (self.said, *self.tables, *self.other_tables, *figures)


def by_lines(figures: Sequence[Figure], per_line: int) -> list[tuple[Figure, ...]]:
    """Figures by lines of a page: narrow ones side by side, then each wide one alone."""
    narrow = [figure for figure in figures if not figure.wide]
    lines = [tuple(narrow[place : place + per_line]) for place in range(0, len(narrow), per_line)]
    return [*lines, *((figure,) for figure in figures if figure.wide)]


def write_part(store: Store, report: Report, out: Path, style: LatexStyle, mark: str) -> Part:
    """Writes what a paper shows of a study.

    Args:
        store: Where it was planned.
        report: Its report, as it is now.
        out: The paper's folder.
        style: Of tables.
        mark: First line of what is made anew each time.
    """
    frame = report.frame
    key = slug(frame.study["name"])
    said = [*leaders(frame, report.evidence), *verdict_notes(report.evidence)] or ["No cell is done yet."]
    source = rf"The numbers are those of Table~\ref{{tab:{slug(report.grid.name)}}}."
    files.write_text(out / f"text/{key}.tex", "\n".join([mark, *map(latex, said), source]) + "\n")
    tables = _write_tables(store, report, out, style, said)
    figures = _copy_figures(store, report, out, key)
    shown = [figure for figure in figures if figure.kind in FIGURES and not figure.wide]
    return Part(
        name=plain(frame.study["name"]),
        key=key,
        title=latex(plain(report.grid.title)),
        said=f"text/{key}.tex",
        tables=tuple(path for name, path in tables.items() if name in TABLES),
        figures=tuple(shown),
        other_tables=tuple(path for name, path in tables.items() if name not in TABLES),
        other_figures=tuple(figure for figure in figures if figure not in shown),
        compares=sum(row.label == frame.methods[row.key] for row in frame.rows) > 1,
    )


def _write_tables(
    store: Store, report: Report, out: Path, style: LatexStyle, said: Sequence[str]
) -> dict[str, str]:
    """Writes every table; returns their files by name, the main one first.

    The main one leaves out what the text says, the others what the main one says.
    """
    frame = report.frame
    samples = {
        (dataset, split): found
        for dataset in frame.datasets
        for split, found in read_samples(store, frame, dataset).items()
    }
    main, known = report.grid.name, {note.text for note in report.grid.notes if not note.marker}
    paths = {}
    for name, grid in _printed(all_grids(store, frame, report.evidence, samples)).items():
        paths[name] = f"tables/{slug(frame.study['name'])}-{slug(name)}.tex"
        kept = _without(grid, {*map(plain, said)} if grid.name == main else known)
        see = main if grid.name != main and len(kept.notes) < len(grid.notes) else ""
        files.write_text(out / paths[name], latex_table(kept, style, see))
    return paths


def _printed(grids: Mapping[str, Grid]) -> dict[str, Grid]:
    """The tables by name; that of every setting is two short ones."""
    named = {Path(place).name: grid for place, grid in grids.items()}
    if settings := named.pop("settings", None):
        halves = zip(("settings", "shared"), condensed(settings), strict=True)
        named |= {name: grid for name, grid in halves if grid is not None}
    return named


def _without(grid: Grid, texts: set[str]) -> Grid:
    notes = tuple(note for note in grid.notes if note.marker or note.text not in texts)
    return replace(grid, notes=notes)


def _copy_figures(store: Store, report: Report, out: Path, key: str) -> tuple[Figure, ...]:
    """Copies what was drawn, in the order of `CAPTIONS`; of a search also what was drawn of its trials."""
    found = []
    search = store.search(report.frame.study["name"])
    drawn = [*report.figures, *(sorted(search.glob("*.pdf")) if search else ())]
    places = {slug(dataset): dataset for dataset in report.frame.datasets}
    for path in drawn:
        kind, _, place = path.stem.partition("-")
        if path.suffix != ".pdf" or kind not in CAPTIONS:
            continue
        name = f"{key}-{slug(path.stem).replace('.', '-')}"
        files.write_bytes(out / "figures" / f"{name}.pdf", path.read_bytes())
        where = f" ({places[place]})" if place in places and len(places) > 1 else ""
        caption = latex(f"{report.grid.title}{where}. {CAPTIONS[kind]}")
        found.append(Figure(f"figures/{name}.pdf", kind, caption, name, _inches(path) > COLUMN))
    return tuple(sorted(found, key=lambda figure: [*CAPTIONS].index(figure.kind)))


def _inches(figure: Path) -> float:
    """Width of a figure, told by the picture beside its PDF."""
    with Image.open(figure.with_suffix(".png")) as picture:
        return float(picture.width) / DPI
