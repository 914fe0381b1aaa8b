"""The fingerprint follows content, and nothing else."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.data import fingerprint as module
from bench.data import remembered
from bench.data.fingerprint import fingerprint


def settle(root: Path) -> None:
    """Makes every file a minute old, so that it is remembered."""
    for path in root.rglob("*"):
        os.utime(path, (time.time() - 60, time.time() - 60))


def test_same_content_elsewhere_and_at_another_time_is_the_same(rrsisd, tmp_path: Path) -> None:
    before = fingerprint(rrsisd.data)
    shutil.copytree(rrsisd.root, tmp_path / "copy", copy_function=shutil.copyfile)
    moved = replace(rrsisd.data, root=str(tmp_path / "copy"))
    assert fingerprint(moved) == before
    assert fingerprint(replace(moved, cache=str(tmp_path / "other"))) == before
    assert len(before) == 16
    assert int(before, 16) >= 0


def test_what_is_no_content_does_not_count(rrsisd) -> None:
    before = fingerprint(rrsisd.data)
    rrsisd.instances["annotations"].reverse()
    rrsisd.instances["images"].reverse()
    rrsisd.instances["annotations"][0]["area"] = 1
    rrsisd.write()
    (rrsisd.images / "aaa-not-in-the-set.jpg").write_bytes(b"x")
    assert fingerprint(rrsisd.data) == before
    assert fingerprint(replace(rrsisd.data, name="other", workers=0, cache_mb=0, skip_errors=True)) == before


def _sentence(rrsisd) -> None:
    rrsisd.say(4, "The vehicle on the Top")
    rrsisd.write()


def _split(rrsisd) -> None:
    rrsisd.refs[0]["split"] = "test"
    rrsisd.write()


def _category(rrsisd) -> None:
    rrsisd.refs[0]["category_id"] = 1
    rrsisd.write()


def _mask(rrsisd) -> None:
    counts = rrsisd.instances["annotations"][2]["segmentation"][0]["counts"]
    rrsisd.instances["annotations"][2]["segmentation"][0]["counts"] = counts[:-1]
    rrsisd.write()


def _image_byte(rrsisd) -> None:
    path = rrsisd.images / "00003.jpg"
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)


def _order(rrsisd) -> None:
    rrsisd.refs.reverse()
    rrsisd.write()


def _image_gone(rrsisd) -> None:
    (rrsisd.images / "00003.jpg").unlink()


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("change", [_sentence, _split, _category, _mask, _image_byte, _order, _image_gone])
def test_any_change_of_content_counts_remembered_or_not(rrsisd, change, settled: bool) -> None:
    if settled:
        settle(rrsisd.root)
    before = fingerprint(rrsisd.data)
    change(rrsisd)
    assert fingerprint(rrsisd.data) != before


def test_a_mask_file_counts(refsegrs) -> None:
    before = fingerprint(refsegrs.data)
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(refsegrs.root / "masks/1.tif")
    assert fingerprint(refsegrs.data) != before


@given(text=st.text(max_size=30))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_two_sentences_differ(rrsisd, text: str) -> None:
    rrsisd.say(0, text)
    rrsisd.write()
    assert (fingerprint(rrsisd.data) == _of_first_sentence(rrsisd, "A ship")) == (text == "A ship")


def _of_first_sentence(rrsisd, text: str) -> str:
    rrsisd.say(0, text)
    rrsisd.write()
    return fingerprint(rrsisd.data)


def test_unchanged_files_are_not_read_again(rrsisd, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(rrsisd.root)
    before = fingerprint(rrsisd.data)
    monkeypatch.setattr(module, "read_index", lambda data: pytest.fail("the lists were read again"))
    monkeypatch.setattr(remembered, "_sha256", lambda path: pytest.fail(f"{path} was read again"))
    assert fingerprint(rrsisd.data) == before


def test_only_what_changed_is_read_again(rrsisd, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(rrsisd.root)
    fingerprint(rrsisd.data)
    _image_byte(rrsisd)
    read, sha256 = [], remembered._sha256
    monkeypatch.setattr(remembered, "_sha256", lambda path: read.append(path.name) or sha256(path))
    fingerprint(rrsisd.data)
    assert read == ["00003.jpg"]


def test_a_broken_record_is_made_anew(rrsisd) -> None:
    before = fingerprint(rrsisd.data)
    [record] = Path(rrsisd.data.cache).rglob("hashes/*.json")
    record.write_text('{"fingerprint": "0000')
    assert fingerprint(rrsisd.data) == before
