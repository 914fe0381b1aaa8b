"""The audit finds each planted defect, and nothing in a sound set."""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco

from bench.config.schema import DataConfig
from bench.data import facts
from bench.data.audit import KINDS, Report, audit, audit_errors
from bench.data.sets import unknown_words
from bench.data.usable import usable_references
from bench.terminal.errors import UserError
from fianet.tokens import Tokenizer


def audited(data: DataConfig, max_tokens: int = 22) -> Report:
    return audit(data, max_tokens=max_tokens, tokenizer_length=lambda sentence: len(sentence.split()) + 2)


def kinds(report: Report) -> list[tuple[str, int]]:
    return [(finding.kind, finding.ref_id) for finding in report.errors + report.warnings]


def test_a_sound_set_has_no_findings(rrsisd, refsegrs) -> None:
    for data in (rrsisd.data, refsegrs.data):
        report = audited(data)
        assert kinds(report) == []
        assert report.error_ids == audit_errors(data).keys() == frozenset()


def test_counts_are_by_split_and_category(rrsisd) -> None:
    rrsisd.refs[1]["split"] = "test"
    rrsisd.write()
    assert audited(rrsisd.data).counts == {
        "references": 6,
        "images": 6,
        "splits": {"train": 2, "val": 2, "test": 2},
        "categories": {
            "ship": {"train": 2, "val": 1, "test": 0},
            "vehicle": {"train": 0, "val": 1, "test": 2},
        },
    }


def _missing_image(rrsisd) -> None:
    (rrsisd.images / "00002.jpg").unlink()


def _cut_image(rrsisd) -> None:
    path = rrsisd.images / "00002.jpg"
    path.write_bytes(path.read_bytes()[:-200])


def _no_image(rrsisd) -> None:
    (rrsisd.images / "00002.jpg").write_bytes(b"<html>not found</html>")


def _image_of_another_size(rrsisd) -> None:
    Image.new("RGB", (30, 40)).save(rrsisd.images / "00002.jpg")


def _empty_mask(rrsisd) -> None:
    counts = coco.encode(np.zeros((30, 40), np.uint8, order="F"))["counts"].decode()
    rrsisd.instances["annotations"][2]["segmentation"][0]["counts"] = counts


def _cut_mask(rrsisd) -> None:
    rle = rrsisd.instances["annotations"][2]["segmentation"][0]
    rle["counts"] = rle["counts"][:-1]


def _mask_of_no_characters(rrsisd) -> None:
    rrsisd.instances["annotations"][2]["segmentation"][0]["counts"] = "äöü\n"


def _no_annotation(rrsisd) -> None:
    rrsisd.refs[2]["ann_id"] = 77


def _empty_sentence(rrsisd) -> None:
    rrsisd.say(2, " \t")


def _only_signs(rrsisd) -> None:
    rrsisd.say(2, "?! \u200b")


def _half_a_sign(rrsisd) -> None:
    rrsisd.say(2, "the \ud83d ship")


def _control_signs(rrsisd) -> None:
    rrsisd.say(2, "the \x1b[2J ship\0")


def _image_name_of_no_file(rrsisd) -> None:
    rrsisd.instances["images"][2]["file_name"] = "a\0b\ud800 00002.jpg"


def _long_image_name(rrsisd) -> None:
    rrsisd.instances["images"][2]["file_name"] = "a" * 300 + "00002.jpg"


def _pipe(rrsisd) -> None:
    (rrsisd.images / "00002.jpg").unlink()
    os.mkfifo(rrsisd.images / "00002.jpg")


def _no_sentence(rrsisd) -> None:
    rrsisd.refs[2]["sentences"] = []


ERRORS = [
    (_missing_image, "missing_image"),
    (_cut_image, "unreadable_image"),
    (_no_image, "unreadable_image"),
    (_image_of_another_size, "size_mismatch"),
    (_empty_mask, "empty_mask"),
    (_cut_mask, "unreadable_mask"),
    (_mask_of_no_characters, "unreadable_mask"),
    (_no_annotation, "unreadable_mask"),
    (_empty_sentence, "empty_sentence"),
    (_no_sentence, "empty_sentence"),
    (_only_signs, "empty_sentence"),
    (_half_a_sign, "broken_sentence"),
    (_control_signs, "broken_sentence"),
    (_image_name_of_no_file, "missing_image"),
    (_long_image_name, "missing_image"),
    (_pipe, "missing_image"),
]


@pytest.mark.parametrize(("plant", "kind"), ERRORS, ids=lambda value: getattr(value, "__name__", None))
def test_a_planted_error_is_found_and_its_sample_alone_refused(rrsisd, plant: Callable, kind: str) -> None:
    plant(rrsisd)
    rrsisd.write()
    report = audited(rrsisd.data)
    assert [(finding.kind, finding.ref_id) for finding in report.errors] == [(kind, 12)]
    assert "00002.jpg" in report.errors[0].file
    assert report.errors[0].message
    assert report.error_ids == audit_errors(rrsisd.data).keys() == {12}


def test_references_that_share_an_id_are_both_refused(rrsisd) -> None:
    rrsisd.refs[4]["ref_id"] = 12
    rrsisd.write()
    assert kinds(audited(rrsisd.data)) == [("duplicate_id", 12), ("duplicate_id", 12)]
    references, skipped = usable_references(replace(rrsisd.data, skip_errors=True))
    assert [len(references[split]) for split in ("train", "val", "test")] == [2, 1, 1]
    assert skipped == {"train": 1, "val": 1, "test": 0}


def _mask_missing(refsegrs) -> None:
    (refsegrs.root / "masks/1.tif").unlink()


def _mask_cut(refsegrs) -> None:
    path = refsegrs.root / "masks/1.tif"
    path.write_bytes(path.read_bytes()[:60])


def _mask_dark(refsegrs) -> None:
    Image.fromarray(np.full((30, 40), 50, np.uint8)).save(refsegrs.root / "masks/1.tif")


def _mask_turned(refsegrs) -> None:
    Image.fromarray(np.full((40, 30), 255, np.uint8)).save(refsegrs.root / "masks/1.tif")


MASK_FILES = [
    (_mask_missing, "missing_mask"),
    (_mask_cut, "unreadable_mask"),
    (_mask_dark, "empty_mask"),
    (_mask_turned, "size_mismatch"),
]


@pytest.mark.parametrize(("plant", "kind"), MASK_FILES, ids=lambda value: getattr(value, "__name__", None))
def test_a_spoilt_mask_file_is_found(refsegrs, plant: Callable, kind: str) -> None:
    plant(refsegrs)
    assert kinds(audited(refsegrs.data)) == [(kind, 1)]


def _same_picture(rrsisd) -> None:
    shutil.copyfile(rrsisd.images / "00000.jpg", rrsisd.images / "00003.jpg")


def _same_picture_in_another_format(rrsisd) -> None:
    for number in (0, 3):
        Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(
            rrsisd.images / f"0000{number}.jpg", "PNG", compress_level=number
        )


def _same_file(rrsisd) -> None:
    rrsisd.refs[3]["image_id"] = rrsisd.refs[0]["image_id"]
    rrsisd.instances["annotations"][3]["image_id"] = rrsisd.refs[0]["image_id"]


def _mask_of_another_image(rrsisd) -> None:
    rrsisd.refs[3]["ann_id"] = rrsisd.refs[0]["ann_id"]


def _whole_image(rrsisd) -> None:
    rrsisd.instances["annotations"][3] |= {
        "segmentation": {"size": [30, 40], "counts": [0, 1200]},
        "area": 1200,
    }
    del rrsisd.instances["annotations"][3]["bbox"]


def _animation(rrsisd) -> None:
    frames = [Image.linear_gradient("L").resize((40, 30)).rotate(turn) for turn in (0, 180)]
    frames[0].save(rrsisd.images / "00003.jpg", "GIF", save_all=True, append_images=frames[1:])


def _outside_box(rrsisd) -> None:
    rrsisd.instances["annotations"][3]["bbox"] = [5.0, 10.0, 15.0, 12.0]  # as if it were x, y, width, height


def _wrong_area(rrsisd) -> None:
    rrsisd.instances["annotations"][3]["area"] = 181


def _long_sentence(rrsisd) -> None:
    rrsisd.say(3, "ship " * 21)


def _unknown_category(rrsisd) -> None:
    rrsisd.refs[3]["category_id"] = 99


def _asked_twice(rrsisd) -> None:
    rrsisd.refs[3]["sentences"] = [{"sent": "A ship"}, {"sent": "a  Ship"}]
    rrsisd.refs[3]["ref_id"] = 15
    rrsisd.refs[5]["ref_id"] = 12
    rrsisd.refs[2]["ref_id"] = 0


WARNINGS = [
    (_same_picture, "split_leak", 13),
    (_same_picture_in_another_format, "split_leak", 13),
    (_same_file, "split_leak", 13),
    (_mask_of_another_image, "other_image", 13),
    (_whole_image, "full_mask", 13),
    (_animation, "paged_image", 13),
    (_outside_box, "outside_box", 13),
    (_wrong_area, "wrong_area", 13),
    (_long_sentence, "cut_sentence", 13),
    (_unknown_category, "unknown_category", 13),
    (_asked_twice, "duplicate", 16),
]


@pytest.mark.parametrize(
    ("plant", "kind", "ref_id"), WARNINGS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_planted_warning_is_found_and_refuses_nothing(rrsisd, plant, kind: str, ref_id: int) -> None:
    plant(rrsisd)
    rrsisd.write()
    report = audited(rrsisd.data)
    assert report.errors == []
    assert kinds(report) == [(kind, ref_id)]
    assert kind in KINDS


def test_refsegrs_phrases_of_no_class_are_unknown(refsegrs) -> None:
    (refsegrs.root / "output_phrase_val.txt").write_text("1 the thing\n")
    assert kinds(audited(refsegrs.data)) == [("unknown_category", 1)]


def test_a_box_rounded_by_a_pixel_is_no_warning(rrsisd) -> None:
    rrsisd.instances["annotations"][3]["bbox"] = [5.5, 10.5, 19.5, 21.0]
    rrsisd.write()
    assert kinds(audited(rrsisd.data)) == []


def test_training_refuses_a_set_with_errors_unless_told(rrsisd) -> None:
    _missing_image(rrsisd)
    _empty_mask(rrsisd)
    rrsisd.say(5, "")
    rrsisd.write()
    with pytest.raises(UserError, match=r"2 samples cannot be used.*\n.*bench.check.*skip_errors"):
        usable_references(rrsisd.data)
    with pytest.raises(UserError, match="split test"):  # its only reference has no sentence
        usable_references(replace(rrsisd.data, skip_errors=True))
    rrsisd.say(5, "A ship")
    rrsisd.write()
    references, skipped = usable_references(replace(rrsisd.data, skip_errors=True))
    assert [r.ref_id for r in references["train"]] == [10, 11]
    assert skipped == {"train": 1, "val": 0, "test": 0}


def test_what_was_looked_at_is_not_opened_again_until_it_changes(rrsisd, monkeypatch) -> None:
    first = audited(rrsisd.data)
    audit_errors(rrsisd.data)
    opened: list[str] = []
    measure = facts.image_facts
    monkeypatch.setattr(
        facts, "image_facts", lambda path, *read: opened.append(path.name) or measure(path, *read)
    )
    assert audited(rrsisd.data) == first
    audit_errors(rrsisd.data)
    assert opened == []
    _cut_image(rrsisd)
    assert audit_errors(rrsisd.data).keys() == {12}
    assert opened


def test_a_set_seen_before_is_answered_at_once(rrsisd) -> None:
    audit_errors(rrsisd.data)
    started = time.process_time()
    audit_errors(rrsisd.data)
    assert time.process_time() - started < 0.5


def test_progress_counts_every_file_and_mask(rrsisd) -> None:
    seen: list[tuple[int, int]] = []
    audit_errors(rrsisd.data, lambda done, total: seen.append((done, total)))
    assert seen == [(done, 7) for done in range(1, 8)]  # six images, and one mask that all share


def test_report_is_json(rrsisd) -> None:
    _missing_image(rrsisd)
    report = json.loads(json.dumps(audited(rrsisd.data).as_dict()))
    assert report["errors"][0]["kind"] == "missing_image"
    assert report["counts"]["references"] == 6


def test_masks_of_zero_and_one_are_named_as_such(refsegrs) -> None:
    Image.fromarray(box_mask_of_ones()).save(refsegrs.root / "masks/1.tif")
    (finding,) = audited(refsegrs.data).errors
    assert (finding.kind, finding.ref_id) == ("empty_mask", 1)
    assert "largest grey level is 1, the foreground must exceed 50" in finding.message
    assert "0 and 255" in finding.message


def box_mask_of_ones() -> np.ndarray:
    mask = np.zeros((30, 40), np.uint8)
    mask[10:20, 5:15] = 1
    return mask


def test_words_that_the_vocabulary_does_not_know_are_told(rrsisd) -> None:
    rrsisd.say(1, "两艘船")
    rrsisd.say(2, "The quokkas 🦘 on the left")
    rrsisd.write()
    tokenizer = Tokenizer.load(None)
    report = audit(
        rrsisd.data, max_tokens=22, tokenizer_length=tokenizer.length, unknown_words=tokenizer.unknown
    )
    told = {finding.ref_id: finding.message for finding in report.warnings if finding.kind == "unknown_word"}
    assert set(told) == {11, 12}
    assert told[12].startswith("🦘: ")
    references, _ = usable_references(rrsisd.data)
    assert "2 of 6 sentences hold words" in unknown_words(references, tokenizer)
    rrsisd.say(1, "A ship")
    rrsisd.say(2, "A small ship on the left")
    rrsisd.write()
    assert unknown_words(usable_references(rrsisd.data)[0], tokenizer) == ""


@pytest.mark.parametrize("content", ["[]", '"x"', "{}", '{"fingerprint": 1, "files": {"a": 2}}', "[[1]]"])
def test_what_another_program_broke_in_the_cache_is_found_out_again(rrsisd, content: str) -> None:
    _cut_mask(rrsisd)
    rrsisd.write()
    report = audited(rrsisd.data)
    for path in Path(rrsisd.data.cache).rglob("*.json"):
        if not path.name.startswith("unusable"):
            path.write_text(content)
    assert audited(rrsisd.data) == report
    assert audit_errors(rrsisd.data).keys() == {12}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "the file is empty"), (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull")],
)
def test_an_image_that_is_none_is_called_what_it_is(rrsisd, content: bytes, said: str) -> None:
    (rrsisd.images / "00002.jpg").write_bytes(content)
    assert [said in finding.message for finding in audited(rrsisd.data).errors] == [True]
