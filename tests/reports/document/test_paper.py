import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.storage import files
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports.document.paper import Paper, begun_style, write_paper
from tests.reports.conftest import reconfigure

StudyMaker = Callable[..., Store]
YOURS = ("main.tex", "references.bib", "Makefile")
pytestmark = pytest.mark.usefixtures("unfigured")


def begin(store: Store, out: Path, style: str = "booktabs", *studies: str) -> Paper:
    return write_paper(store, studies or ["fiam"], lambda *_: {}, out, style)


def sources(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("style", ["booktabs", "ieee"])
def test_everything_named_is_there(make_study: StudyMaker, tmp_path: Path, style: str) -> None:
    out = tmp_path / "paper"
    begin(make_study(), out, style)
    text = (out / "main.tex").read_text() + (out / "supplement.tex").read_text()
    named = re.findall(r"\\input\{([^}]*)\}", text)
    assert "tables/fiam-table.tex" in named
    assert "tables/fiam-statistics.tex" in named
    assert all((out / name).with_suffix(".tex").exists() for name in named)
    headings = re.findall(r"\\section\{(.*)\}", text)
    wanted = ["Introduction", "Related Work", "Method", "Experiments", "Ablation", "Conclusion"]
    assert headings == wanted
    keys = re.findall(r"@\w+\{(\w+),", (out / "references.bib").read_text())
    assert {*re.findall(r"\\cite\{(\w+)\}", text)} == {*keys}


def test_nothing_is_said_but_what_the_store_says(make_study: StudyMaker, tmp_path: Path) -> None:
    begin(make_study(), tmp_path / "paper")
    text = (tmp_path / "paper" / "main.tex").read_text()
    body = re.sub(r"%.*", "", text.partition(r"\maketitle")[2])
    prose = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("\\")]
    assert prose == []
    assert "has the highest mIoU" in (tmp_path / "paper" / "text" / "fiam.tex").read_text()


def test_same_store_same_bytes(make_study: StudyMaker, tmp_path: Path) -> None:
    store = make_study()
    for name in ("one", "two"):
        begin(store, tmp_path / name)
    assert sources(tmp_path / "one") == sources(tmp_path / "two")


def test_your_text_stays_and_tables_are_made_anew(make_study: StudyMaker, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    begin(make_study(), out)
    for name in YOURS:
        (out / name).write_text(f"mine: {name}\n\\input{{tables/fiam-table}}")
    (out / "tables" / "fiam-table.tex").write_text("old")
    paper = begin(make_study(title="Another title"), out)
    assert all((out / name).read_text().startswith("mine") for name in YOURS)
    assert "Another title" in (out / "tables" / "fiam-table.tex").read_text()
    assert paper.remarks == (f"{out}/main.tex is kept as it is; tables and figures were made anew.",)


def test_what_a_kept_text_lacks_and_what_is_old_in_it_is_said(make_study: StudyMaker, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    store = make_study()
    begin(store, out)
    (out / "main.tex").write_text(
        "\\input{tables/gone-table} \\includegraphics[width=2cm]{figures/gone.pdf} % \\input{tables/fiam-table.tex}"
    )
    _, new, *old = begin(store, out).remarks
    assert new.endswith("shows nothing of study fiam: \\input{tables/fiam-table.tex} would.")
    assert [line.split()[2] for line in old] == ["figures/gone.pdf,", "tables/gone-table.tex,"]


def test_style_of_a_folder_stays(make_study: StudyMaker, tmp_path: Path) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "paper"
    assert begun_style(out) is None
    begin(store, out, "ieee")
    assert begun_style(out) == "ieee"
    before = sources(out)
    with pytest.raises(UserError, match="begun with style=ieee"):
        begin(store, out, "booktabs")
    assert sources(out) == before
    (out / "main.tex").unlink()
    begin(store, out, "booktabs")
    assert begun_style(out) == "booktabs"


def test_files_of_somebody_else_are_not_replaced(make_study: StudyMaker, tmp_path: Path) -> None:
    out = tmp_path / "thesis"
    (out / "tables").mkdir(parents=True)
    (out / "tables" / "mine.tex").write_text("mine")
    with pytest.raises(UserError, match="holds tables"):
        begin(make_study(seeds=(0,)), out)
    assert [*sources(out)] == ["tables/mine.tex"]


def test_nothing_is_begun_for_a_study_that_is_not_there(make_study: StudyMaker, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such study"):
        begin(make_study(seeds=(0,)), tmp_path / "paper", "ieee", "nope")
    assert not (tmp_path / "paper").exists()


def test_studies_of_published_models_are_experiments(make_study: StudyMaker, tmp_path: Path) -> None:
    store = make_study(
        seeds=(0,), rows=({"key": "lavt", "label": "LAVT"}, {"key": "full", "label": "FIANet"}), expect=[]
    )
    store.write_study(store.study("fiam") | {"name": "other", "title": "Other"})
    simple = {"decoder": "simple"}
    reconfigure(store, "lavt", model=simple | {"fusion": "pwam", "neck": "none"})
    begin(store, tmp_path / "one")
    reconfigure(store, "full", model=simple | {"fusion": "fiam", "neck": "tmem"})
    begin(store, tmp_path / "two")
    places = []
    for name in ("one", "two"):
        text = (tmp_path / name / "main.tex").read_text()
        places.append(text.index("fiam-table.tex") < text.index(r"\section{Ablation}"))
    assert places == [False, True]


def test_notes_of_the_main_table_are_not_said_again(make_study: StudyMaker, tmp_path: Path) -> None:
    out = tmp_path / "paper"
    begin(make_study(), out)
    main, statistics, said = (
        " ".join((out / name).read_text().split())
        for name in ("tables/fiam-table.tex", "tables/fiam-statistics.tex", "text/fiam.tex")
    )
    assert "Mean $\\pm$ standard deviation over 3 seeds" in main
    assert "Mean $\\pm$ standard deviation" not in statistics
    assert r"The notes below Table~\ref{tab:fiam} hold here too." in statistics
    assert "As expected, FIAM scores higher than PWAM (LAVT) in mIoU" in said
    assert "s expected" not in main


def test_a_search_shows_what_was_drawn_of_its_trials(make_study: StudyMaker, tmp_path: Path) -> None:
    from PIL import Image

    store = make_study(seeds=(0,))
    store.write_study(store.study("fiam") | {"name": "tune-lr"})
    folder = store.root / "tune" / "lr"
    files.write_json(folder / "tune.json", {})
    Image.new("RGB", (1440, 20)).save(folder / "history.png")
    (folder / "history.pdf").write_bytes(b"drawn")
    out = tmp_path / "paper"
    begin(store, out, "booktabs", "tune-lr")
    assert (out / "figures" / "tune-lr-history.pdf").read_bytes() == b"drawn"
    assert "The search, trial by trial." in (out / "supplement.tex").read_text()


def test_two_studies_of_one_file_name_are_refused(make_study: StudyMaker, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="those of study a_b"):
        begin(make_study(), tmp_path / "paper", "booktabs", "a_b", "a-b")
    assert not (tmp_path / "paper").exists()
