"""The embedded set: drawn once, reproducible, in the published layout."""

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from bench.config.schema import DataConfig, SyntheticConfig
from bench.data import synthetic
from bench.data.index import read_index
from bench.data.synthetic import ensure
from bench.terminal.errors import UserError

SMALL = SyntheticConfig(train=6, val=2, test=3, size=64, per_image=2, seed=4)


def data(root: Path, config: SyntheticConfig = SMALL) -> DataConfig:
    return DataConfig(name="synthetic", root=str(root), synthetic=config)


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_the_set_has_the_asked_images_and_no_image_is_in_two_splits(tmp_path: Path) -> None:
    index = read_index(data(ensure(data(tmp_path / "s"))))
    images = {split: {r.image for r in index.split(split)} for split in ("train", "val", "test")}
    assert {split: len(found) for split, found in images.items()} == {"train": 6, "val": 2, "test": 3}
    assert len(set.union(*images.values())) == 11
    assert all(reference.mask.read().any() for reference in index.references)
    assert all(path.exists() for found in images.values() for path in found)


def test_the_same_configuration_gives_the_same_bytes(tmp_path: Path) -> None:
    assert contents(ensure(data(tmp_path / "a"))) == contents(ensure(data(tmp_path / "b")))


def test_several_processes_draw_what_one_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = contents(ensure(data(tmp_path / "a")))
    monkeypatch.setattr(synthetic, "WORTHWHILE", 1)
    assert contents(ensure(data(tmp_path / "b"))) == alone


def test_a_set_that_is_there_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = ensure(data(tmp_path / "s"))
    monkeypatch.setattr(synthetic, "draw", None)
    assert ensure(data(tmp_path / "s")) == root


def test_another_configuration_is_drawn_in_place_under_other_image_names(tmp_path: Path) -> None:
    first = {p.name for p in ensure(data(tmp_path / "s")).rglob("*.png")}
    second = {p.name for p in ensure(data(tmp_path / "s", replace(SMALL, seed=5))).rglob("*.png")}
    assert len(second) == 11
    assert not first & second


def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not drawn by data=synthetic"):
        ensure(data(tmp_path / "s"))
    assert (tmp_path / "s" / "thesis.txt").read_text() == "years of work"


def test_without_a_configuration_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to draw"):
        ensure(DataConfig(root=str(tmp_path)))


def _ask(root: str) -> int:
    ensure(data(Path(root)))
    return os.stat(root).st_ino


def test_processes_that_ask_at_once_get_one_set(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        folders = set(pool.map(_ask, [str(tmp_path / "s")] * 3))
    assert len(folders) == 1
    assert contents(tmp_path / "s") == contents(ensure(data(tmp_path / "alone")))


@pytest.mark.slow
def test_the_default_set_is_drawn_in_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    ensure(data(tmp_path / "s", SyntheticConfig()))
    assert time.monotonic() - started < 60
