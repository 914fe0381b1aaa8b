"""`data=coco`: a referring set is made once, kept by its content, and read as any other."""

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from bench.config.choices import Layout
from bench.config.schema import DataConfig, ReferConfig
from bench.data import from_coco
from bench.data.fingerprint import fingerprint
from bench.data.index import read_index
from bench.data.on_disk import on_disk
from bench.data.refer import Options, make_set
from bench.terminal.errors import UserError
from tests.bench.data.conftest import make_coco
from tests.bench.data.test_fingerprint import settle


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    (tmp_path / "ports.json").write_text(json.dumps(make_coco(tmp_path)))
    return DataConfig(
        name="coco",
        layout=Layout.coco,
        root="",
        coco=str(tmp_path / "ports.json"),
        images=str(tmp_path / "photos"),
        cache=str(tmp_path / "cache"),
    )


def made(data: DataConfig) -> list[Path]:
    return sorted(path.parent for path in Path(data.cache).rglob("refer.json"))


def test_it_is_the_set_that_the_command_makes(data: DataConfig, tmp_path: Path, capsys) -> None:
    out = tmp_path / "by-hand"
    make_set(Options(coco=str(data.coco), images=str(data.images), out=str(out), name="ports"))
    by_hand = read_index(DataConfig(root=str(out)))
    found = read_index(data)
    said = [
        [(each.sentence, each.split, each.mask) for each in index.references] for index in (found, by_hand)
    ]
    assert said[0] == said[1]
    assert found.name == "ports"
    out, err = capsys.readouterr()
    assert out == ""
    assert "preview=40" in err


def test_it_becomes_a_set_on_disk_that_needs_no_coco_file(data: DataConfig) -> None:
    ready = on_disk(data)
    assert (ready.layout, ready.name, ready.coco, ready.refer) == (
        Layout.rrsisd,
        "ports",
        None,
        ReferConfig(),
    )
    assert [Path(ready.root)] == made(data)
    assert on_disk(replace(data, name="mine")).name == "mine"
    before = fingerprint(ready)
    assert fingerprint(data) == before
    Path(str(data.coco)).unlink()
    assert fingerprint(ready) == before


def test_what_is_there_is_found_without_reading(data: DataConfig, tmp_path: Path, monkeypatch) -> None:
    settle(tmp_path)
    first = on_disk(data)
    monkeypatch.setattr(from_coco, "read_asked", lambda options: pytest.fail("the file was read again"))
    assert on_disk(data) == first


def test_another_file_seed_or_option_makes_another_set_and_keeps_the_first(data: DataConfig) -> None:
    first = fingerprint(on_disk(data))
    for refer in (ReferConfig(seed=1), ReferConfig(per_image=1), ReferConfig(rename={"ship": "boat"})):
        on_disk(replace(data, refer=refer))
    before = on_disk(data)
    content = json.loads(Path(str(data.coco)).read_text())
    del content["annotations"][0]
    Path(str(data.coco)).write_text(json.dumps(content))
    after = on_disk(data)
    assert after.root != before.root
    assert len(made(data)) == 5
    assert fingerprint(before) == first != fingerprint(after)


def _ask(data: DataConfig) -> tuple[str, int]:
    ready = on_disk(data)
    return ready.root, (Path(ready.root) / "refer.json").stat().st_ino


def test_processes_that_ask_at_once_get_one_set(data: DataConfig) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        assert len(set(pool.map(_ask, [data] * 3))) == 1


def test_a_folder_that_was_deleted_is_made_again(data: DataConfig) -> None:
    first = on_disk(data)
    before = fingerprint(first)
    shutil.rmtree(first.root)
    assert on_disk(data) == first
    assert fingerprint(first) == before


def test_a_missing_file_is_a_user_error(data: DataConfig) -> None:
    with pytest.raises(UserError, match=r"nowhere.json: cannot be read"):
        read_index(replace(data, coco="nowhere.json"))
