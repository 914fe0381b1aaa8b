import html
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench.storage.store import Store
from reports.statistics.frame import read_frame
from reports.tables import formats
from reports.tables.grid import Column, Grid, Line, Note, Panel, TableCell
from reports.tables.study_table import study_grid
from reports.text.escape import latex, markdown, plain, slug

StudyMaker = Callable[..., Store]
HOSTILE = [
    r"\input{/etc/passwd}",
    r"\end{tabular}\write18{ls}",
    "50% & more_$x^2$ #1 ~ {a} \\",
    "[1ex] bracket first",
    "* star first",
    "}{",
    "% comment",
    "two\n\nparagraphs\tand\x0btabs",
    "<script>alert('x')</script> & \"quotes\" `ticks` '' ,, -- --- ?` !`",
    "a | b | c",
    "**bold** _it_ [link](http://x) ![img](y) <u>u</u> ~~s~~ &amp; \\*",
    "naïve Ångström Łódź ẞß œuvre ő ş",
    "αβγ ≥ Δ × ± − – — “q” … 中文 🚀 \u202eright to left \u200b",
    "\x00\x07\ud800",
    "^^5cinput",
    "",
]
text = st.one_of(st.text(), st.text("\\{}$&#%_^~<>|\"`[]*-',!?\n <b&;"), st.sampled_from(HOSTILE))
OWN = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "div",
    "table",
    "caption",
    "strong",
    "thead",
    "tbody",
}
OWN |= {"tr", "th", "td", "sup", "ul", "li"}
SAFE = re.compile(
    r"(?: [A-Za-z0-9 .,:;!?()/'=+@*\-]"
    r"| \\[{}$&\#%_]"
    r"| \{\} | \{[\[\]*]\}"
    r"| \\(?:text[a-z]+|ldots|ss|oe|OE|ae|AE|[oOlLi])\{\}"
    r"| \\['`^~=.\"urHvdc]\{[A-Za-z]\}"
    r"| \$(?:-|\^\\circ|\^[23]|\\[A-Za-z]+)\$ )*",
    re.VERBOSE,
)


@given(text)
def test_latex_is_printable_ascii_without_a_live_command(words: str) -> None:
    escaped = latex(words)
    assert escaped.isascii()
    assert SAFE.fullmatch(escaped), escaped
    assert not re.search(r"--|''|,,", escaped)


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\{}$&#%_^~<>|\"`[]*-',"))
)
def test_latex_leaves_plain_words_alone(words: str) -> None:
    assert latex(words) == plain(words)


@given(text)
def test_markdown_shows_the_text_itself(words: str) -> None:
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    shown = page.render(f"| x | {markdown(words)} | y |\n| --- | --- | --- |\n")
    assert re.findall(r"<th>(.*?)</th>", shown) == [
        "x",
        html.escape(plain(words), quote=False).replace('"', "&quot;"),
        "y",
    ]


@given(text)
def test_slug_is_a_file_name(words: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9:.-]*", slug(words))


@given(text)
def test_plain_text_is_one_line_that_can_be_encoded(words: str) -> None:
    plain(words).encode()
    assert len(plain(words).splitlines()) <= 1
    assert plain(plain(words)) == plain(words)


def grid_of(words: list[str]) -> Grid:
    labels = [plain(word) for word in words]
    lines = tuple(
        Line(label, (TableCell(label, marker="a"), TableCell("1.00", exact=1.0))) for label in labels
    )
    notes = tuple(Note(label) for label in labels)
    panel = Panel(labels[0], "test", lines)
    columns = (Column(labels[0]), Column("mIoU", "r", ranked=True))
    return Grid(labels[0], labels[0], labels[0], columns, (panel,), notes, tuple(labels), labels[0])


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.shown: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.shown.append(data)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(text, min_size=1, max_size=4))
def test_html_has_no_tag_or_text_but_its_own(words: str) -> None:
    reader = Reader()
    reader.feed(formats.html(grid_of(words)))
    assert reader.tags <= OWN
    assert all(plain(word) in "".join(reader.shown) for word in words)


def compile_latex(folder: Path, *tables: str) -> str:
    """Compiles tables in an article, twice as people do; returns the text of the page."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    body = "\n".join(tables)
    (folder / "page.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs,amssymb,siunitx}\n\\begin{document}\n"
        + body
        + "\n\\end{document}\n"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"],
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-3000:]
    return (folder / "page.log").read_text(errors="replace")


@pytest.mark.latex
def test_table_compiles_in_an_article(make_study: StudyMaker, tmp_path: Path) -> None:
    missing = {("object", 1): {"state": "failed", "cause": "50% of_$x"}}
    several = formats.latex(study_grid(read_frame(make_study(missing=missing), "fiam")))
    single = formats.latex(study_grid(read_frame(make_study(seeds=(0,)), "fiam")))
    log = compile_latex(tmp_path, several, single)
    assert "Undefined control sequence" not in log


@pytest.mark.latex
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(text, min_size=20, max_size=40))
def test_hostile_labels_compile(tmp_path: Path, words: list[str]) -> None:
    log = compile_latex(tmp_path, formats.latex(grid_of([*HOSTILE, *words])))
    assert "Missing character" not in log


@pytest.mark.latex
def test_hostile_labels_are_printed(tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    compile_latex(
        tmp_path, formats.latex(grid_of(["A [x] 50% & a_b #1 {z} 100$", "-- ^ ~ \\end{tabular}", "* star"]))
    )
    subprocess.run(["pdftotext", "-layout", "page.pdf"], cwd=tmp_path, check=True)
    printed = (tmp_path / "page.txt").read_text()
    assert "A [x] 50% & a b #1 {z} 100$" in printed.replace("_", " ")
    assert "\\end{tabular}" in printed
    assert "* star" in printed or "∗ star" in printed
