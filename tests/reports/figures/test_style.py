from collections.abc import Callable
from pathlib import Path

from bench.storage.store import Store
from reports.figures import overview
from reports.figures.style import save, style
from reports.statistics.frame import read_frame

StudyMaker = Callable[..., Store]


def test_same_figure_same_bytes(make_study: StudyMaker, tmp_path: Path) -> None:
    frame = read_frame(make_study(), "fiam")
    written = []
    for name in ("one", "two"):
        with style():
            written.append([path.read_bytes() for path in save(overview.bars(frame), tmp_path / name)])
    assert written[0] == written[1]
    assert b"CreationDate" not in written[0][1]
    assert b"Software" not in written[0][0]


def test_labels_with_dollars_and_unknown_letters_are_drawn(make_study: StudyMaker, tmp_path: Path) -> None:
    rows = ({"key": "a", "label": "50$ \\frac{1}{0}$ 中"}, {"key": "b", "label": "_" + "long " * 40})
    frame = read_frame(make_study(seeds=(0,), rows=rows, reference="b"), "fiam")
    with style():
        assert all(path.stat().st_size for path in save(overview.bars(frame), tmp_path / "bars"))
