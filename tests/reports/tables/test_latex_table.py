import shutil
import subprocess
from pathlib import Path

import pytest

from reports.tables.grid import Column, Grid, Line, Note, Panel, TableCell, number
from reports.tables.latex_table import STYLES, latex_table
from reports.text.templates import render

SETUPS = {
    "booktabs": "\\documentclass[a4paper]{article}\n\\usepackage[margin=2cm]{geometry}",
    "ieee": r"\documentclass[journal]{IEEEtran}",
}


def grid_of(labels: list[str], scores: int, *, intervals: bool = False) -> Grid:
    """A table of methods and scores, two panels."""
    columns = [
        Column("Method"),
        *(Column(f"P@0.{place}", "c" if intervals else "r") for place in range(scores)),
    ]
    value = TableCell("[42.63, 157.97]") if intervals else number(42.63, 11.5, sign="***")
    lines = tuple(Line(label, (TableCell(label, marker="a"), *([value] * scores))) for label in labels)
    panels = (Panel("vhr10", "val", lines), Panel("vhr10", "test", lines))
    return Grid(
        f"t{len(labels)}-{scores}",
        "Half & half",
        "What is told.",
        tuple(columns),
        panels,
        (Note("50 %"), Note("Why.", "a")),
    )


def test_a_column_of_two_holds_a_small_table_and_the_page_a_large_one() -> None:
    for scores, environment in ((2, "table"), (7, "table*")):
        text = latex_table(grid_of(["LAVT", "FIANet"], scores), STYLES["ieee"])
        assert f"\\begin{{{environment}}}[!htbp]" in text
        assert f"\\end{{{environment}}}" in text
    assert r"\begin{table*}" in latex_table(grid_of(["LAVT"], 2), STYLES["booktabs"])


def test_ieee_has_lines_and_a_title_that_its_class_sets_in_small_caps() -> None:
    text = latex_table(grid_of(["LAVT"], 2), STYLES["ieee"])
    assert r"\caption{Half \& half}" in text
    assert r"\hline\hline" in text
    assert "rule" not in text.partition(r"\begin{tabular}")[2]
    assert text.index(r"\end{tabular}") < text.index("What is told.") < text.index(r"50 \%")


def test_booktabs_has_its_rules_and_the_whole_caption_above() -> None:
    text = latex_table(grid_of(["LAVT"], 2), STYLES["booktabs"])
    assert r"\caption{\textbf{Half \& half.} What is told.}" in text
    assert text.count(r"\midrule") == 2
    assert "hline" not in text


def test_notes_of_another_table_are_referred_to() -> None:
    assert r"Table~\ref{tab:main-one}" in latex_table(grid_of(["LAVT"], 2), STYLES["ieee"], see="main one")
    assert r"\ref" not in latex_table(grid_of(["LAVT"], 2), STYLES["ieee"])


def test_long_headings_stand_in_lines() -> None:
    columns = (Column("Category"), Column("Aligned words reach the decoder's maps", "r"))
    grid = Grid("t", "T", "", columns, (Panel("", "", (Line("a", (TableCell("ship"), number(4.0))),)),))
    assert r"{\shortstack{Aligned words\\reach the\\decoder's maps}}" in latex_table(grid)


@pytest.mark.latex
@pytest.mark.parametrize("style", STYLES)
def test_every_table_fits_its_column(style: str, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    label = ["FIANet", "WWW MMM @@@", "Aligned words reach the decoder's maps and 50 % more & a_b"]
    grids = [grid_of(label[:rows], scores) for rows in (1, 2, 3) for scores in (1, 3, 4, 5, 7, 12, 30)]
    grids += [grid_of(label[:rows], scores, intervals=True) for rows in (1, 3) for scores in (2, 6, 7, 8, 9)]
    body = "\n".join(latex_table(grid, STYLES[style]) for grid in grids)
    preamble = render("paper/preamble.tex.j2", {}, mark="%")
    (tmp_path / "page.tex").write_text(
        f"{SETUPS[style]}\n{preamble}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
        check=True,
    )
    log = (tmp_path / "page.log").read_text(errors="replace")
    assert r"Overfull \hbox" not in log
    assert "too large for page" not in log
