import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from markdown_it import MarkdownIt

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables import formats
from reports.tables.grid import Column, Emphasis, Grid, Line, Panel, TableCell, number
from reports.tables.marks import Best, Marks
from reports.tables.study_table import study_grid

StudyMaker = Callable[..., Store]
GOLDEN = Path(__file__).parent / "table.tex"
MISSING = {("object", 1): {"state": "failed", "cause": "loss is NaN at step 12"}, ("blind", 2): None}


BEST, SECOND, NONE = Emphasis.best, Emphasis.second, Emphasis.none


def maximum(store: Store) -> Grid:
    """The table with its highest numbers bold and the second underlined."""
    return study_grid(read_frame(store, "fiam"), marks=Marks(Best.maximum))


def test_latex_is_the_golden_file(make_study: StudyMaker) -> None:
    latex = formats.latex(maximum(make_study(missing=MISSING)))
    assert latex == GOLDEN.read_text()


def test_source_cells_and_command_are_in_comments(make_study: StudyMaker) -> None:
    store = make_study(seeds=(0,))
    latex = formats.latex(study_grid(read_frame(store, "fiam")))
    comments = "\n".join(line for line in latex.splitlines() if line.startswith("%"))
    for row in store.study("fiam")["rows"]:
        assert row["cells"][0]["id"] in comments
    assert "python -m bench.run ablation=fiam" in comments


def test_study_without_reference_or_marks_has_neither_column(make_study: StudyMaker) -> None:
    grid = study_grid(read_frame(make_study(reference=None, marks=[]), "fiam"))
    heads = [column.head for column in grid.columns]
    assert heads == ["Method", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9", "oIoU", "mIoU"]


def test_rows_without_scores_stay_with_dashes_and_a_note(make_study: StudyMaker) -> None:
    missing = {("pwam", seed): {"state": "planned"} for seed in range(3)}
    grid = study_grid(read_frame(make_study(missing=missing), "fiam"))
    line = grid.panels[0].lines[1]
    assert [cell.text for cell in line.cells[4:]] == ["–"] * 8
    notes = {note.marker: note.text for note in grid.notes}
    assert notes[line.cells[0].marker] == "Seeds 0, 1, 2: not run yet."


def test_the_same_reason_has_one_note(make_study: StudyMaker) -> None:
    missing = {(row, 1): {"state": "planned"} for row in ("blind", "pwam")}
    grid = study_grid(read_frame(make_study(missing=missing), "fiam"))
    assert [note.marker for note in grid.notes if note.marker] == ["a"]


Place = tuple[str, str, bool, bool, str]  # text, spread, best, second, marker


def as_shown(grid: Grid) -> list[list[Place]]:
    def place(cell: TableCell) -> Place:
        best, second = cell.emphasis == BEST, cell.emphasis == SECOND
        return cell.text, cell.spread, best, second, cell.marker

    return [[place(cell) for cell in line.cells] for line in grid.lines()]


def test_all_formats_agree(make_study: StudyMaker) -> None:
    grid = maximum(make_study(missing=MISSING))
    shown = as_shown(grid)
    assert latex_places(formats.latex(grid)) == shown
    assert html_places(formats.html(grid)) == shown
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(formats.markdown(grid))
    assert html_places(page) == shown
    for line, texts in zip(csv.DictReader(io.StringIO(formats.table_csv(grid))), shown, strict=True):
        for column, (text, spread, *_) in zip(grid.columns, texts, strict=True):
            if column.ranked:
                assert number(float(line[column.head]), float(line[f"{column.head} std"])).text == text
                assert f"{float(line[f'{column.head} std']):.2f}" == spread


def latex_places(latex: str) -> list[list[Place]]:
    body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")]
    lines = [line.removesuffix(r" \\") for line in body.splitlines() if " & " in line]
    marks = 4
    return [
        [_latex_place(text, "") for text in parts[:marks]]
        + [_latex_place(*pair) for pair in zip(parts[marks::2], parts[marks + 1 :: 2], strict=True)]
        for parts in (line.split(" & ") for line in lines)
    ]


def _latex_place(text: str, spread: str) -> Place:
    marker = "".join(re.findall(r"\\textsuperscript\{(\w)\}", text))
    text = re.sub(r"\\textsuperscript\{\w\}", "", text)
    best, second = text.startswith(r"\bfseries "), r"\llap{\underline" in text
    text = re.sub(r"\\llap.*$", "", text).removeprefix(r"\bfseries ")
    text = re.sub(r"^\{(.*)\}$", r"\1", text)
    text = re.sub(r"^-(?=\d)", "−", text).replace(r"$\checkmark$", "✓").replace(r"\textendash{}", "–")
    return text, "".join(re.findall(r"\\tiny\$\\pm\$([\d.]+)", spread)), best, second, marker


class Cells(HTMLParser):
    """Collects the `td` of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Place]] = []
        self.parts: list[tuple[str, str]] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            found = {
                inner: "".join(text for at, text in self.parts if at == inner) for inner, _ in self.parts
            }
            plain, _, spread = (found.get("td", "") + found.get("small", "")).partition("± ")
            text = found.get("strong") or found.get("u") or plain.strip()
            self.rows[-1].append((text, spread, "strong" in found, "u" in found, found.get("sup", "")))
            self.parts = []
        while self.tags and self.tags.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "td" in self.tags:
            self.parts.append((self.tags[-1], data))


def html_places(page: str) -> list[list[Place]]:
    cells = Cells()
    cells.feed(page)
    return [row for row in cells.rows if row]


def test_long_texts_wrap_and_many_letters_are_set_smaller(make_study: StudyMaker) -> None:
    column = Column("Rows that differ", wraps=True)
    line = Line("a", (TableCell("recipe.lr"), TableCell("a row on a data set: 0.1; " * 20)))
    grid = Grid("t", "T", "", (Column("Setting"), column), (Panel("", "", (line,)),))
    text = formats.latex(grid)
    assert r"p{.48\linewidth}" in text
    assert r"\footnotesize" in text
    wide = tuple(Column(f"Interval {place}", "c") for place in range(9))
    cells = tuple(TableCell("[42.63, 57.97]") for _ in wide)
    grid = Grid("t", "T", "", wide, (Panel("", "", (Line("a", cells),)),))
    assert r"\scriptsize" in formats.latex(grid).partition(r"\toprule")[0]


def test_csv_keeps_full_precision(make_study: StudyMaker) -> None:
    frame = read_frame(make_study(), "fiam")
    lines = list(csv.DictReader(io.StringIO(formats.table_csv(study_grid(frame)))))
    line = next(line for line in lines if (line["row"], line["split"]) == ("pwam", "test"))
    assert float(line["oIoU"]) == frame.scores("pwam", "synthetic", "test")["oIoU"].mean
    assert (line["seeds"], line["missing"], line["context"], line["object"]) == ("3", "", "1", "0")
