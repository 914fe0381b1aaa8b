import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.data.scored_scenes import read_scenes
from bench.storage.store import Store
from bench.terminal.errors import UserError
from reports import write_report

StudyMaker = Callable[..., Store]
FORMATS = ("tex", "md", "html", "csv")
PARTS = ("category", "cost", "lengths", "settings", "sizes", "statistics", "intervals", "types")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reports.build", *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )


def test_command_writes_tables_and_figures_and_prints_them(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0,))
    done = command("ablation=fiam", f"store={store.root}")
    assert done.returncode == 0, done.stderr
    folder = store.root / "reports" / "fiam"
    stems = ("curves", "bars", "thresholds", "sizes", "categories-synthetic", "examples-synthetic")
    expected = {f"figures/{stem}.{kind}" for stem in stems for kind in ("png", "pdf")}
    expected |= {f"tables/{part}.{kind}" for part in PARTS for kind in FORMATS}
    expected |= {f"table.{kind}" for kind in FORMATS} | {"results.csv", "index.html", "build.json"}
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == expected
    assert "Language-blind" in done.stdout
    assert "<" not in done.stdout.replace(" < ", "")
    assert "\\" not in done.stdout
    assert str(folder) in done.stdout


def test_rebuilding_gives_the_same_bytes(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    store = make_study()
    one, two = (write_report(store, "fiam", read_scenes, tmp_path / name) for name in ("one", "two"))
    assert one.page
    assert two.page
    made = zip(one.tables + one.figures + (one.page,), two.tables + two.figures + (two.page,), strict=True)
    for first, second in made:
        assert first.read_bytes() == second.read_bytes(), first.name


@pytest.mark.parametrize("name", ["results.csv", "figures/mine.png"])
def test_files_that_are_no_reports_are_not_replaced(
    name: str, make_study: StudyMaker, tmp_path: Path
) -> None:
    theirs = tmp_path / "thesis" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_text("mine")
    with pytest.raises(UserError, match=f"holds {name.split('/')[0]}"):
        write_report(make_study(seeds=(0,)), "fiam", read_scenes, tmp_path / "thesis")
    assert theirs.read_text() == "mine"
    assert not (tmp_path / "thesis/build.json").exists()


@pytest.mark.usefixtures("unfigured")
def test_unchanged_study_is_not_made_again(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "out"
    first = write_report(store, "fiam", read_scenes, out)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    again = write_report(store, "fiam", read_scenes, out)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == times
    assert repr(again.grid) == repr(first.grid)  # NaN equals no other NaN
    assert (again.tables, again.figures, again.remarks) == (first.tables, first.figures, first.remarks)


@pytest.mark.usefixtures("unfigured")
@pytest.mark.parametrize("change", ["study", "cell", "file"])
def test_what_changed_is_made_again(make_study: StudyMaker, tmp_path: Path, change: str) -> None:
    store, out = make_study(seeds=(0,)), tmp_path / "out"
    write_report(store, "fiam", read_scenes, out)
    before = (out / "build.json").stat().st_mtime_ns
    if change == "study":
        store.write_study(store.study("fiam") | {"title": "Another"})
    elif change == "cell":
        cell = store.cells()[0]
        cell.write("metrics", {**(cell.metrics() or {}), "epochs": 9})
    else:
        (out / "table.md").unlink()
    write_report(store, "fiam", read_scenes, out)
    assert (out / "build.json").stat().st_mtime_ns > before
    assert (out / "table.md").exists()


def test_study_with_nothing_done_still_has_its_table(make_study: StudyMaker, tmp_path: Path) -> None:
    nothing = {(row, 0): None for row in ("blind", "pwam", "object", "full")}
    report = write_report(make_study(seeds=(0,), missing=nothing), "fiam", read_scenes, tmp_path / "out")
    assert {path.name for path in report.tables} >= {"table.tex", "results.csv"}
    assert report.page
    assert "No cell is done yet" in report.page.read_text()
    assert "Language-blind" in (tmp_path / "out" / "table.md").read_text()
    assert len(report.remarks) == 2  # no curves, no examples


def test_damaged_image_costs_the_figure_only(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    for path in images.rglob("*.png"):
        path.write_bytes(b"no image")
    report = write_report(make_study(seeds=(0,)), "fiam", read_scenes, tmp_path / "out")
    assert any("No figure of examples" in remark for remark in report.remarks)
    assert not any(path.stem.startswith("examples") for path in report.figures)
    assert {path.stem for path in report.figures} > {"curves", "bars"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ablation=fia"], "did you mean fiam"),
        (["ablaton=fiam"], "Did you mean ablation"),
        ([], "which study"),
        (["fiam"], "key=value"),
        (["ablation=fiam", "best=maxi"], "Did you mean maximum"),
        (["ablation=fiam", "rank_published=true"], "Add best=maximum"),
    ],
)
def test_mistakes_are_two_lines_and_exit_code_two(
    make_study: StudyMaker, arguments: list[str], said: str
) -> None:
    store = make_study(seeds=(0,))
    done = command(f"store={store.root}", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert done.stdout == ""


def test_help_teaches() -> None:
    done = command("--help")
    assert done.returncode == 0
    assert "python -m reports.build ablation=fiam" in done.stdout


def test_reports_import_no_torch() -> None:
    check = (
        "import sys, reports.build; sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", check], cwd=Path(__file__).parents[2], check=False).returncode
        == 0
    )
