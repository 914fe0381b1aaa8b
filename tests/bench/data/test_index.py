"""The two published layouts, as found and spoilt."""

import json
import os
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco

from bench.config.schema import DataConfig
from bench.data.index import read_index
from bench.data.plain_pickle import load_plain_pickle
from bench.data.reference import NoMask, Reference
from bench.data.refsegrs import category
from bench.terminal.errors import DataError, UserError


def box_mask() -> np.ndarray:
    mask = np.zeros((30, 40), dtype=bool)
    mask[10:22, 5:20] = True
    return mask


def test_rrsisd_is_read_as_published(rrsisd) -> None:
    index = read_index(rrsisd.data)
    assert [len(index.split(split)) for split in ("train", "val", "test")] == [3, 2, 1]
    assert index.categories == ("ship", "vehicle")
    first = index.references[0]
    assert (first.ref_id, first.image_id, first.sentence) == (10, "00000", "A ship on the left")
    assert (first.category, first.split, first.box, first.area) == ("ship", "train", (5, 10, 20, 22), 180)
    assert first.image.is_file()
    assert np.array_equal(first.mask.read(), box_mask())


def test_refsegrs_is_read_as_published(refsegrs) -> None:
    index = read_index(refsegrs.data)
    assert [(r.ref_id, r.image_id, r.split) for r in index.references] == [
        *[(0, "0", "train"), (1, "1", "val"), (2, "2", "test")]
    ]
    reference = index.references[2]
    assert (reference.sentence, reference.category) == ("car on the road", "car")
    assert np.array_equal(reference.mask.read(), box_mask())  # 50 is background


def test_refsegrs_lines_keep_odd_ids_and_survive_blank_lines_and_windows_ends(refsegrs) -> None:
    (refsegrs.root / "output_phrase_train.txt").write_bytes(b"\xef\xbb\xbf007\tbus  \r\n\r\n0 \r\n")
    found = [(r.image_id, r.sentence) for r in read_index(refsegrs.data).split("train")]
    assert found == [("007", "bus"), ("0", "")]


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("road marking in the parking area", "road marking"),
        ("car on the road", "car"),
        ("Vans along the bikeway", "van"),
        ("buses", "bus"),
        ("light-duty vehicle driving on the road", "vehicle"),
        ("impervious surface", "impervious surface"),
        ("cartridge", "unknown"),
        ("", "unknown"),
    ],
)
def test_refsegrs_category_is_the_first_class_named(phrase: str, expected: str) -> None:
    assert category(phrase) == expected


def test_every_sentence_of_a_reference_counts_and_no_id_is_used_twice(rrsisd) -> None:
    rrsisd.refs[0]["sentences"] += [{"sent": "A second"}, {"sent": "A third"}]
    rrsisd.refs[5]["sentences"] = []
    rrsisd.write()
    found = {r.ref_id: r.sentence for r in read_index(rrsisd.data).references}
    assert len(found) == 8
    assert (found[10], found[16], found[17], found[15]) == ("A ship on the left", "A second", "A third", "")


@pytest.mark.parametrize("kind", ["list", "dict", "uncompressed", "polygon"])
def test_masks_are_read_in_every_coco_form(rrsisd, kind: str) -> None:
    compressed = rrsisd.instances["annotations"][0]["segmentation"][0]
    runs = [160, *[12, 18] * 14, 12]
    rrsisd.instances["annotations"][0]["segmentation"] = {
        "list": [compressed],
        "dict": compressed,
        "uncompressed": {"size": [30, 40], "counts": [*runs, 1200 - sum(runs)]},
        "polygon": [[5, 10, 20, 10, 20, 22, 5, 22]],
    }[kind]
    rrsisd.write()
    assert np.array_equal(read_index(rrsisd.data).references[0].mask.read(), box_mask())


@pytest.mark.parametrize(
    "segmentation", [[], None, [[1, 2]], {"size": [30]}, "x", [{"counts": 3, "size": "ab"}]]
)
def test_one_strange_segmentation_spoils_its_own_reference_alone(rrsisd, segmentation) -> None:
    rrsisd.instances["annotations"][0]["segmentation"] = segmentation
    rrsisd.write()
    references = read_index(rrsisd.data).references
    with pytest.raises(DataError):
        references[0].mask.read()
    assert references[1].mask.read().any()


def test_a_reference_without_annotation_has_no_mask(rrsisd) -> None:
    rrsisd.refs[0]["ann_id"] = 999
    rrsisd.write()
    mask = read_index(rrsisd.data).references[0].mask
    assert isinstance(mask, NoMask)
    with pytest.raises(DataError, match="999"):
        mask.read()


class Executes:
    """Unpickled by `pickle.load`, this makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_hostile_pickle_is_refused_and_does_not_execute(rrsisd, tmp_path: Path) -> None:
    rrsisd.refs_file.write_bytes(pickle.dumps([Executes(tmp_path / "owned")]))
    with pytest.raises(UserError, match=r"refs\(unc\).p.*mkdir"):
        read_index(rrsisd.data)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "call", [b"cbuiltins\neval\n(S'1'\ntR.", b"cbuiltins\ngetattr\n.", b"c__builtin__\nexec\n."]
)
def test_builtins_that_run_code_are_refused(tmp_path: Path, call: bytes) -> None:
    (tmp_path / "refs.p").write_bytes(call)
    with pytest.raises(UserError, match="refused"):
        load_plain_pickle(tmp_path / "refs.p")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_values_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    value = [{"a": (1, 2.5, None, True), "b": {"c"}, "d": frozenset([1])}]
    (tmp_path / "refs.p").write_bytes(pickle.dumps(value, protocol=protocol))
    assert load_plain_pickle(tmp_path / "refs.p") == value


def _no_root(rrsisd) -> str:
    rrsisd.data.root = "nowhere"
    return "data.root=nowhere"


def _cut_pickle(rrsisd) -> str:
    rrsisd.refs_file.write_bytes(rrsisd.refs_file.read_bytes()[:50])
    return "refs(unc).p"


def _no_pickle(rrsisd) -> str:
    rrsisd.refs_file.unlink()
    return "refs(unc).p"


def _cut_json(rrsisd) -> str:
    (rrsisd.root / "rrsisd/instances.json").write_text('{"images": [')
    return "instances.json"


def _json_of_another_kind(rrsisd) -> str:
    (rrsisd.root / "rrsisd/instances.json").write_text(json.dumps({"images": []}))
    return "categories"


def _unknown_split(rrsisd) -> str:
    rrsisd.refs[3]["split"] = "testA"
    rrsisd.write()
    return "entry 3"


def _missing_key(rrsisd) -> str:
    del rrsisd.refs[2]["ann_id"]
    rrsisd.write()
    return "entry 2"


def _entry_is_no_dict(rrsisd) -> str:
    rrsisd.refs[4] = "x"  # type: ignore[assignment]
    rrsisd.write()
    return "entry 4"


def _nothing(rrsisd) -> str:
    rrsisd.refs.clear()
    rrsisd.write()
    return "refs(unc).p"


def _key_twice(rrsisd) -> str:
    rrsisd.write()
    path = rrsisd.root / "rrsisd/instances.json"
    path.write_text(path.read_text()[:-1] + ', "annotations": []}')
    return "instances.json: is no JSON: an object of it has the key 'annotations' twice"


def _nested_too_deep(rrsisd) -> str:
    (rrsisd.root / "rrsisd/instances.json").write_text("[" * 100_000)
    return "instances.json: is no JSON: it is nested too deep"


def _box_of_two(rrsisd) -> str:
    rrsisd.instances["annotations"][1]["bbox"] = [1, 2]
    rrsisd.write()
    return "entry 1"


def _area_too_large(rrsisd) -> str:
    rrsisd.instances["annotations"][1]["area"] = 10**400
    rrsisd.write()
    return "entry 1"


def _class_without_name(rrsisd) -> str:
    rrsisd.instances["categories"][0]["name"] = None
    rrsisd.write()
    return "instances.json: categories: name is None, no name"


SPOILT = [_no_root, _cut_pickle, _no_pickle, _cut_json, _json_of_another_kind, _unknown_split, _missing_key]
SPOILT_ENTRIES = [
    *(_entry_is_no_dict, _nothing, _key_twice, _nested_too_deep, _box_of_two, _area_too_large),
    _class_without_name,
]


@pytest.mark.parametrize("spoil", [*SPOILT, *SPOILT_ENTRIES])
def test_a_spoilt_list_is_a_user_error_that_says_where(rrsisd, spoil) -> None:
    where = spoil(rrsisd)
    with pytest.raises(UserError) as caught:
        read_index(rrsisd.data)
    assert where in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize("sentence", [None, 5, float("nan"), ["a"], {"a": 1}])
def test_a_sentence_that_is_no_text_is_not_made_one(rrsisd, sentence: Any) -> None:
    rrsisd.say(1, sentence)
    rrsisd.write()
    with pytest.raises(UserError, match=r"entry 1: a sentence is .*, no text"):
        read_index(rrsisd.data)


@pytest.mark.parametrize("ref_id", [3.7, True, None, float("inf"), float("nan"), 2**63, "x", "9" * 5000])
def test_an_id_that_is_no_whole_number_is_not_made_one(rrsisd, ref_id: Any) -> None:
    rrsisd.refs[1]["ref_id"] = ref_id
    rrsisd.write()
    with pytest.raises(UserError, match=r"entry 1: ref_id .* is no whole number"):
        read_index(rrsisd.data)


def test_refsegrs_names_the_line_that_is_no_text(refsegrs) -> None:
    (refsegrs.root / "output_phrase_val.txt").write_bytes(b"1 car\n2 v\xff\n")
    with pytest.raises(UserError, match=r"output_phrase_val.txt: line 2"):
        read_index(refsegrs.data)


def test_seventeen_thousand_references_are_read_in_seconds(rrsisd) -> None:
    rrsisd.refs = [dict(rrsisd.refs[0], ref_id=number) for number in range(17_402)]
    rrsisd.write()
    started = time.process_time()
    assert len(read_index(DataConfig(root=str(rrsisd.root))).references) == 17_402
    assert time.process_time() - started < 5


def test_references_are_values(rrsisd) -> None:
    first, again = (read_index(rrsisd.data).references[0] for _ in range(2))
    assert isinstance(first, Reference)
    assert first == again
    assert len({first, again}) == 1


def test_polygons_are_what_coco_draws(rrsisd) -> None:
    polygon = [[3.5, 2.0, 30.2, 8.1, 12.0, 27.7], [30, 20, 38, 20, 38, 28]]
    rrsisd.instances["annotations"][0]["segmentation"] = polygon
    rrsisd.write()
    drawn = coco.decode(coco.merge(coco.frPyObjects(polygon, 30, 40))).astype(bool)
    assert np.array_equal(read_index(rrsisd.data).references[0].mask.read(), drawn)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.float32, np.float64, np.bool_])
def test_numbers_of_numpy_are_read_as_numbers(tmp_path: Path, kind: type, protocol: int) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps([{"ref_id": kind(1)}, kind(0)], protocol=protocol))
    ((one, zero)) = load_plain_pickle(tmp_path / "p")
    assert (one["ref_id"], zero) == (1, 0)
    assert type(zero).__module__ == "builtins"


def test_references_with_ids_of_numpy_are_found(rrsisd) -> None:
    for ref in rrsisd.refs:
        ref |= {key: np.int64(ref[key]) for key in ("ref_id", "ann_id", "image_id", "category_id")}
    rrsisd.write()
    references = read_index(rrsisd.data).references
    assert [reference.ref_id for reference in references] == [10, 11, 12, 13, 14, 15]
    assert all(reference.mask.read().any() for reference in references)


@pytest.mark.parametrize(
    "value", [np.array([1, 2]), np.dtype("O"), np.array(["x"], dtype=object)[0:1], np.str_("x")]
)
def test_other_values_of_numpy_are_refused(tmp_path: Path, value: object) -> None:
    (tmp_path / "p").write_bytes(pickle.dumps([value]))
    with pytest.raises(UserError, match="refused"):
        load_plain_pickle(tmp_path / "p")
