"""Previews as MLflow's image grid reads them, and the data sets of a run."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.storage.cell import Cell
from bench.storage.previews import read_previews, write_previews
from bench.storage.store import Store
from bench.tracking.images import images, link_images
from bench.tracking.inputs import inputs

# as MLflow's pages take a name apart
PAGES = re.compile(r"(?P<key>[^+]+)\+step\+(?P<step>\d+)\+timestamp\+\d+\+[^+]+(\+compressed)?\.webp")


def pictured(folder: Path, epochs: int, *sentences: str) -> Cell:
    cell = Store(folder).plan("a" * 12, {"seed": 0, "data": {"fingerprint": "f00d"}}, {"recipe": {}})
    cell.write_history([{"epoch": epoch, "lr": 1.0, "loss": 1.0, "seconds": 1.0} for epoch in range(epochs)])
    for epoch in range(epochs):
        write_previews(cell, epoch, sentences, [b"picture"] * len(sentences))
    return cell


def test_every_epoch_of_every_sentence_is_shown_twice_over(tmp_path: Path) -> None:
    cell = pictured(tmp_path, 3, "The ship", "The car, on the left")
    found = list(images(cell))
    assert {(PAGES.fullmatch(image.names[0])["key"], image.epoch) for image in found} == {
        (key, epoch) for key in ("1 The ship", "2 The car on the left") for epoch in range(3)
    }
    link_images(found, tmp_path)
    assert all((tmp_path / name).read_bytes() == b"picture" for image in found for name in image.names)


def test_what_is_no_preview_is_left_out(tmp_path: Path) -> None:
    cell = pictured(tmp_path, 1, "The ship")
    for name in ("0000-7.webp", "notes-0.webp", "0001-x.webp"):
        (cell.path / "previews" / name).write_bytes(b"other")
    assert [(each.epoch, each.place, each.sentence) for each in read_previews(cell)] == [(0, 0, "The ship")]
    (cell.path / "previews/sentences.json").write_text("{")
    assert read_previews(cell) == []


@given(sentence=st.text(max_size=200))
def test_any_sentence_gives_a_name_that_pages_and_disks_take(
    tmp_path_factory: pytest.TempPathFactory, sentence: str
) -> None:
    (image,) = images(pictured(tmp_path_factory.mktemp("cell"), 1, sentence))
    for name in image.names:
        assert PAGES.fullmatch(name)
        assert len(name.encode()) < 255


def test_inputs_are_the_splits_that_were_read(tmp_path: Path) -> None:
    config = {"data": {"name": "rrsisd", "root": "data/rrsisd", "fraction": 0.1}}
    identity = {"data": {"fingerprint": "f" * 64}, "also": {"refsegrs": "beef"}}
    cell = Store(tmp_path).plan("a" * 12, identity, config)
    counts = {"train": 10, "val": 2, "test": 3, "shuffled": 3, "refsegrs/test": 4}
    cell.write("metrics", {"scores": {"test": {"mIoU": 1.0}}, "counts": counts})
    assert [(each.name, each.digest, each.context, each.profile) for each in inputs(cell)] == [
        ("rrsisd/train, 10 %", "f" * 36, "train", '{"num_rows": 10}'),
        ("rrsisd/val", "f" * 36, "val", '{"num_rows": 2}'),
        ("rrsisd/test", "f" * 36, "test", '{"num_rows": 3}'),
        ("refsegrs/test", "beef", "test", '{"num_rows": 4}'),
    ]
