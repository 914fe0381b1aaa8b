from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.data.scored_scenes import read_scenes
from bench.storage.attention_maps import OBJECT, POSITION, Maps, write_maps
from bench.storage.store import Store
from reports import write_report
from reports.figures import attention
from reports.figures.scenes import NoScenes
from reports.figures.style import save, style
from reports.page.study_page import PICTURED
from reports.statistics.frame import read_frame

StudyMaker = Callable[..., Store]
REFS = (1, 11, 25)


def keep(store: Store, row: str, kinds: tuple[str, ...] = ("context", "object", "position")) -> None:
    """Maps for the first seed of a row, made up."""
    (planned,) = (each for each in store.study("fiam")["rows"] if each["key"] == row)
    draw = np.random.default_rng(0)
    words = np.zeros((3, 60), np.uint8)
    words[:, 4:11] = OBJECT
    words[:, 9:30] |= POSITION
    stages = {kind: [draw.random((3, side, side), np.float32) for side in (12, 6, 3, 2)] for kind in kinds}
    maps = Maps(np.array(REFS), np.array([5, 15, 25]), 30, 4, words, stages)
    write_maps(store.cell(planned["cells"][0]["id"]), maps)


def found(store: Store) -> attention.CellMaps | None:
    return attention.find(store, read_frame(store, "fiam"), "synthetic", read_scenes)


def test_the_reference_row_is_shown_and_the_last_with_maps_where_it_has_none(
    make_study: StudyMaker, images: Path
) -> None:
    store = make_study(seeds=(0, 1))
    assert found(store) is None
    for row in ("blind", "object", "full"):
        keep(store, row)
        looked = found(store)
        assert looked is not None
        assert (looked.row.key, looked.seed) == (row, 0)
    keep(store, "pwam")
    looked = found(store)
    assert looked is not None
    assert looked.row.key == "full"


@pytest.mark.parametrize("kinds", [("context",), ("context", "position"), ("context", "object", "position")])
def test_a_map_per_stage_and_kind_and_text_inside_the_figure(
    kinds: tuple[str, ...], make_study: StudyMaker, images: Path
) -> None:
    store = make_study(seeds=(0,))
    keep(store, "full", kinds)
    looked = found(store)
    assert looked is not None
    with style():
        drawn = attention.draw(looked)
        drawn.canvas.draw()
    assert len(drawn.axes) == 3 * (2 + len(kinds) * (4 + 1))
    page = drawn.bbox
    for text in drawn.texts:
        box = text.get_window_extent()
        assert page.x0 - 1 <= box.x0
        assert box.x1 <= page.x1 + 1
        assert page.y0 - 1 <= box.y0
        assert box.y1 <= page.y1 + 1


def test_words_carry_the_marks_the_model_read() -> None:
    words = np.array([0] * 4 + [OBJECT] * 4 + [0] * 2 + [POSITION] * 2 + [0] + [POSITION] * 2, np.uint8)
    shown, spans = attention.mark("The ship  on it", words)
    assert shown == "The ship on it"
    assert [(shown[start:end], kind) for start, end, kind in spans] == [("ship", 0), ("on it", 1)]
    both = np.full(15, OBJECT | POSITION, np.uint8)
    assert attention.mark("The ship  on it", both)[1] == [(0, 14, 0)]


def test_what_is_no_finding_is_said(make_study: StudyMaker, images: Path) -> None:
    store = make_study(seeds=(0,))
    keep(store, "full")
    looked = found(store)
    assert looked is not None
    assert "untrained" not in attention._foot(looked)
    assert "one piece (4 more)" in attention._foot(looked)
    known = replace(looked, fusion="fiam", maps=replace(looked.maps, silent=0))
    assert "untrained" in attention._foot(known)
    assert "piece" not in attention._foot(known)


def test_rounding_is_drawn_as_nothing() -> None:
    assert attention._norm("object", [np.full((1, 2, 2), 1e-9)]).vmax == 1
    assert attention._norm("object", [np.full((1, 2, 2), 4.0)]).vmax == 4


def test_same_maps_same_bytes(make_study: StudyMaker, images: Path, tmp_path: Path) -> None:
    store = make_study(seeds=(0,))
    keep(store, "full")
    written = []
    for name in ("one", "two"):
        looked = found(store)
        assert looked is not None
        with style():
            written.append([path.read_bytes() for path in save(attention.draw(looked), tmp_path / name)])
    assert written[0] == written[1]


@pytest.mark.slow
def test_report_shows_maps_as_soon_as_a_cell_has_some(
    make_study: StudyMaker, images: Path, tmp_path: Path
) -> None:
    store = make_study(seeds=(0,))
    before = write_report(store, "fiam", read_scenes, tmp_path / "out")
    assert not any("attention" in path.name for path in before.figures)
    assert not any("attention" in remark for remark in before.remarks)
    keep(store, "full")
    after = write_report(store, "fiam", read_scenes, tmp_path / "out")
    assert {path.name for path in after.figures if "attention" in path.name} == {
        "attention-synthetic.png",
        "attention-synthetic.pdf",
    }
    assert after.page is not None
    assert PICTURED["attention"][0] in after.page.read_text()


def test_other_data_or_none_are_said(make_study: StudyMaker, request: pytest.FixtureRequest) -> None:
    store = make_study(seeds=(0,))
    keep(store, "full")
    with pytest.raises(NoScenes, match="not on this machine"):
        found(store)
    request.getfixturevalue("images")
    for cell in store.cells():
        samples = cell.samples()
        assert samples is not None
        cell.write_samples(samples.assign(sentence="another"))
    with pytest.raises(NoScenes, match="not the one that was scored"):
        found(store)
