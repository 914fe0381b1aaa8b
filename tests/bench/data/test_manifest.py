"""A set listed in one table: what is read, alike from three kinds of file, and what is refused by line and column."""

import csv
import json
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from bench.config.choices import Layout
from bench.config.schema import DataConfig
from bench.data.audit import audit, audit_errors
from bench.data.fingerprint import fingerprint
from bench.data.index import Index, read_index
from bench.data.reference import NoMask, RleMask
from bench.terminal.errors import UserError
from tests.bench.data.conftest import HEIGHT, WIDTH, box_mask, encoded, picture

SPLITS = ("train", "val", "test")
OUTLINE = [5, 10, 20, 10, 20, 22, 5, 22]
Rows = list[dict[str, Any]]


def write_csv(path: Path, rows: Rows) -> None:
    """As pandas does: lists and mappings as JSON text, nothing where there is nothing."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row in rows:
            cells = {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()}
            writer.writerow(cells)


def write_jsonl(path: Path, rows: Rows) -> None:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")


def write_parquet(path: Path, rows: Rows) -> None:
    texts = [
        {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()} for row in rows
    ]  # a column has one type
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(texts), path)


WRITERS: dict[str, Callable[[Path, Rows], None]] = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, and a mask for each."""
    (tmp_path / "set/photos").mkdir(parents=True)
    (tmp_path / "set/masks").mkdir()
    for number in range(3):
        Image.fromarray(picture(number)).save(tmp_path / f"set/photos/{number}.png")
        Image.fromarray(box_mask()).save(tmp_path / f"set/masks/{number}.png")
    return tmp_path / "set"


def sound() -> Rows:
    return [
        {
            "image": f"photos/{number}.png",
            "mask": f"masks/{number}.png",
            "sentence": f"the ship, number {number}",
            "split": split,
            "category": "ship",
            "id": 10 + number,
        }
        for number, split in enumerate(SPLITS)
    ]


def data(file: Path) -> DataConfig:
    return DataConfig(
        name="manifest", layout=Layout.manifest, file=str(file), root="", cache=str(file.parent / "cache")
    )


def read(folder: Path, rows: Rows, kind: str = "csv") -> Index:
    WRITERS[kind](folder / f"scenes.{kind}", rows)
    return read_index(data(folder / f"scenes.{kind}"))


def raw(folder: Path, content: str | bytes, name: str = "scenes.csv") -> Index:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read_index(data(folder / name))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_table_is_a_set(folder: Path, kind: str) -> None:
    index = read(folder, sound(), kind)
    first = index.references[0]
    assert (first.ref_id, first.image_id, first.sentence) == (10, "photos/0", "the ship, number 0")
    assert (first.category, first.split, index.categories) == ("ship", "train", ("ship",))
    assert first.image == folder / "photos/0.png"
    assert np.array_equal(first.mask.read(), box_mask())
    assert [len(index.split(split)) for split in SPLITS] == [1, 1, 1]
    assert audit_errors(data(folder / f"scenes.{kind}")) == {}


def masks() -> Iterable[Any]:
    whole = encoded(box_mask())
    runs = [10 + 5 * HEIGHT, *[12, HEIGHT - 12] * 14, 12]
    yield pytest.param(whole, id="run lengths")
    yield pytest.param({"counts": whole["counts"]}, id="run lengths without size")
    yield pytest.param(
        {"size": [HEIGHT, WIDTH], "counts": [*runs, HEIGHT * WIDTH - sum(runs)]}, id="uncompressed"
    )
    yield pytest.param([whole], id="list of run lengths")
    yield pytest.param([OUTLINE], id="outlines")
    yield pytest.param(OUTLINE, id="one outline")


@pytest.mark.parametrize("mask", masks())
def test_masks_are_read_in_every_form(folder: Path, mask: Any) -> None:
    rows = sound()
    rows[0]["mask"], rows[1]["mask"] = mask, json.dumps(mask)
    for kind in WRITERS:
        found = [reference.mask for reference in read(folder, rows, kind).references[:2]]
        assert all(isinstance(each, RleMask) for each in found)
        assert all(np.array_equal(each.read(), box_mask()) for each in found)


def test_a_parquet_file_may_hold_masks_as_lists_and_structs(folder: Path) -> None:
    for mask in (encoded(box_mask()), [OUTLINE], OUTLINE, {**encoded(box_mask()), "size": None}):
        rows = [row | {"mask": mask, "more": b"\0" * 9} for row in sound()]
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "s.parquet")
        references = read_index(data(folder / "s.parquet")).references
        assert np.array_equal(references[0].mask.read(), box_mask())


names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8)
sentences = st.text(
    st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=30
).filter(lambda text: text.strip().lower() not in ("", "nan"))
references = st.fixed_dictionaries(
    {
        "image": st.sampled_from(["photos/0.png", "photos/1.png", "photos\\2.png"]),
        "mask": st.sampled_from(
            ["masks/0.png", encoded(box_mask()), [OUTLINE], {"counts": encoded(box_mask())["counts"]}]
        ),
        "sentence": sentences,
        "split": st.sampled_from([*SPLITS, "valid", "dev", "Validation"]),
        "category": st.none() | names.filter(lambda text: text.strip().lower() not in ("", "nan")),
    }
)


@given(st.lists(references, min_size=1, max_size=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_rows_are_the_same_set_in_every_kind_of_file(folder: Path, rows: Rows) -> None:
    rows = [row | {"id": number} for number, row in enumerate(rows)]
    one, two, three = (read(folder, rows, kind).references for kind in WRITERS)
    assert one == two == three
    assert [each.sentence for each in one] == [" ".join(row["sentence"].split()) for row in rows]


def test_marks_windows_ends_blank_lines_quotes_and_spaces_are_no_matter(folder: Path) -> None:
    index = raw(
        folder,
        b"\xef\xbb\xbfimage, mask,sentence ,split\r\n\r\n"
        b'photos\\0.png, masks\\0.png, "a ship,\r\nat ""the"" top",train\r\n,,,\r\n'
        b"photos/1.png,masks/1.png,another,valid\r\n",
    )
    found = [(each.ref_id, each.sentence, each.split) for each in index.references]
    assert found == [(3, 'a ship, at "the" top', "train"), (6, "another", "val")]
    assert index.references[0].image.is_file()


def test_accents_of_names_may_be_composed_or_not(folder: Path) -> None:
    name = "photos/f\u00eate.png"
    Image.fromarray(picture(0)).save(folder / unicodedata.normalize("NFD", name))
    rows = sound()
    rows[0]["image"] = name
    assert read(folder, rows).references[0].image.is_file()


def test_rows_without_ids_are_numbered_by_their_lines(folder: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "id"} for row in sound()]
    assert [each.ref_id for each in read(folder, rows, "csv").references] == [2, 3, 4]
    assert [each.ref_id for each in read(folder, rows, "parquet").references] == [1, 2, 3]


def test_paths_start_from_the_root_that_is_given(folder: Path, tmp_path: Path) -> None:
    rows = sound()
    write_csv(tmp_path / "list.csv", rows)
    index = read_index(replace(data(tmp_path / "list.csv"), root=str(folder)))
    assert index.references[0].image == folder / "photos/0.png"
    rows[0]["image"] = str(folder / "photos/0.png")
    assert read(folder, rows).references[0].image == folder / "photos/0.png"


def test_images_of_one_name_and_two_endings_are_two_images(folder: Path) -> None:
    Image.fromarray(picture(9)).save(folder / "photos/0.jpg")
    rows = sound()
    rows[1]["image"] = "photos/0.jpg"
    assert [each.image_id for each in read(folder, rows).references[:2]] == ["photos/0.png", "photos/0.jpg"]


def test_without_categories_nothing_is_warned_of(folder: Path) -> None:
    rows = [{key: value for key, value in row.items() if key != "category"} for row in sound()]
    assert read(folder, rows).categories == ("unknown",)
    report = audit(data(folder / "scenes.csv"), max_tokens=22, tokenizer_length=len)
    assert "unknown_category" not in {finding.kind for finding in report.warnings}


HEAD = "image,mask,sentence,split"
ROW = "photos/0.png,masks/0.png,a ship,train"
SPOILT = {
    "column missing": (
        f"image,Mask,sentence,split\n{ROW}",
        "line 1: there is no column 'mask'",
        "'Mask'? Then call",
    ),
    "semicolons": ("image;mask;sentence;split", "line 1", "not by ';'"),
    "column twice": (f"{HEAD},mask\n", "'mask' is there twice", "Remove"),
    "optional column twice": (f"{HEAD},id,id\n{ROW},1,2", "'id' is there twice", "Remove"),
    "comma": (f"{HEAD}\n{ROW}\na.png,b.png,a ship, at the top,train", "line 3: has 5 cells", "quotes"),
    "quote": (f'{HEAD}\n{ROW}\n\na.png,b.png,"a ship,train', "line 4: unexpected end", "quote"),
    "split": (f"{HEAD}\n{ROW}\na,b,c,trian", "line 3: column 'split': 'trian'", "three splits"),
    "no image": (f"{HEAD}\n,b,c,train", "line 2: column 'image': is empty", "Fill it in"),
    "nan": (f"{HEAD}\na,b,NaN,train\na,,c,train", "line 2: column 'sentence': is empty (2 rows", "Fill"),
    "ids": (f"{HEAD},id\n{ROW},1\n{ROW},2\n{ROW},1", "line 4: column 'id': 1 is the id of line 2", "own"),
    "odd id": (f"{HEAD},id\n{ROW},a7", "line 2: column 'id': 'a7'", "numbered by their lines"),
    "large id": (f"{HEAD},id\n{ROW},{2**63}", "line 2: column 'id'", "whole numbers"),
    "long id": (f"{HEAD},id\n{ROW},{'9' * 5000}", "line 2: column 'id'", "whole numbers"),
    "id missing": (f"{HEAD},id\n{ROW},1\n{ROW},", "line 3: column 'id': is empty", "numbered"),
    "no text": (b"image,mask\n\xff", "line 2 is not UTF-8", "UTF-8"),
    "zeros": (b"image,mask\na,\0", "line 2 holds a zero byte", "UTF-8"),
    "empty": ("", "is empty", "again"),
    "no rows": (HEAD, "lists no references", "complete"),
}


@pytest.mark.parametrize(("content", "what", "remedy"), SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_csv_says_which_line_and_column(folder: Path, content: Any, what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        raw(folder, content)
    assert caught.value.what.startswith(str(folder / "scenes.csv"))
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert "\n" not in caught.value.what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('\n{"image": "a"', "line 2: is no JSON"),
        ("[1]", "line 1: is no JSON object"),
        ('{"image": "a", "mask": "b", "sentence": "c"}', "line 1: there is no column 'split'"),
        (
            '{"image": ["a"], "mask": "b", "sentence": "c", "split": "val"}',
            "column 'image': ['a'] is no text",
        ),
        ('{"image": "a", "mask": "b", "sentence": NaN, "split": "val"}', "column 'sentence': is empty"),
        ("[" * 10**5, "line 1: is no JSON"),
    ],
)
def test_a_spoilt_jsonl_says_which_line_and_column(folder: Path, content: str, what: str) -> None:
    with pytest.raises(UserError) as caught:
        raw(folder, content, "scenes.jsonl")
    assert what in caught.value.what


def test_a_spoilt_parquet_says_which_row(folder: Path) -> None:
    rows = sound()
    rows[1]["split"] = "held out"
    with pytest.raises(UserError, match="row 2: column 'split'"):
        read(folder, rows, "parquet")
    with pytest.raises(UserError, match="no column 'mask'"):
        read(folder, [{"image": "a", "sentence": "b", "split": "val"}], "parquet")
    with pytest.raises(UserError, match="no readable Parquet"):
        raw(folder, b"PAR1 and then nothing", "scenes.parquet")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner, max_size=3)
    ),
    max_leaves=9,
)


@given(st.lists(st.dictionaries(st.sampled_from([*sound()[0]]), anything, max_size=6), max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_row_is_read_or_refused_by_line(folder: Path, rows: Rows) -> None:
    rows = [
        row | {key: 1 for key in ("image", "mask", "sentence", "split") if key not in row} for row in rows
    ]
    said = ""
    try:
        assert len(read(folder, rows, "jsonl").references) == len(rows)
    except UserError as error:
        said = error.what
    assert not said or any(words in said for words in ("line ", "lists no references", "is empty"))


@given(
    st.binary(max_size=60), st.sampled_from(["", "image,mask,sentence,split\n"]), st.sampled_from([*WRITERS])
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_a_table_or_a_user_error(folder: Path, content: bytes, head: str, kind: str) -> None:
    with pytest.raises(UserError):
        raw(folder, head.encode() + content, f"scenes.{kind}")


def test_what_is_no_table_is_refused(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    for name, what in (("notes.txt", "none of .csv"), ("nowhere.csv", "no such file"), ("photos", "folder")):
        with pytest.raises(UserError, match=what) as caught:
            read_index(data(folder / name))
        assert "data.file=FILE" in caught.value.remedy


@pytest.mark.parametrize(
    "mask", ["{'size': [30, 40]}", "[[1, 2]]", {"size": [3], "counts": "x"}, "[" * 10**5, [[1e300] * 6]]
)
def test_one_strange_mask_spoils_its_own_row_alone(folder: Path, mask: Any) -> None:
    rows = sound()
    rows[0]["mask"] = mask
    found = read(folder, rows).references
    assert isinstance(found[0].mask, NoMask)
    assert "scenes.csv, line 2, column 'mask'" in found[0].mask.reason
    assert found[1].mask.read().any()


def test_a_mask_needs_its_image_for_the_size(folder: Path) -> None:
    rows = sound()
    rows[0] |= {"image": "photos/none.png", "mask": [OUTLINE]}
    mask = read(folder, rows).references[0].mask
    assert isinstance(mask, NoMask)
    assert "its image's" in mask.reason


def test_masks_of_another_size_than_their_image_are_told(folder: Path) -> None:
    Image.fromarray(box_mask()[:20]).save(folder / "masks/0.png")
    read(folder, sound())
    assert "image 40 x 30, mask 40 x 20" in audit_errors(data(folder / "scenes.csv"))[10]


def test_any_change_of_table_or_mask_is_another_set(folder: Path) -> None:
    read(folder, sound())
    before = fingerprint(data(folder / "scenes.csv"))
    Image.fromarray(~box_mask()).save(folder / "masks/0.png")
    after = fingerprint(data(folder / "scenes.csv"))
    rows = sound()
    rows[2]["sentence"] = "another"
    read(folder, rows)
    assert len({before, after, fingerprint(data(folder / "scenes.csv"))}) == 3


def test_a_file_of_several_masks_is_refused(folder: Path) -> None:
    mask = Image.fromarray(box_mask().astype(np.uint8) * 255)
    mask.save(folder / "masks/0.png", "TIFF", save_all=True, append_images=[mask])
    write_csv(folder / "scenes.csv", sound())
    report = audit(data(folder / "scenes.csv"), max_tokens=22, tokenizer_length=len)
    assert [finding.message for finding in report.errors] == ["holds 2 pictures: which of them is the mask?"]


def test_a_key_twice_in_a_line_is_refused(folder: Path) -> None:
    line = json.dumps(sound()[0])[:-1] + ', "sentence": "another"}'
    with pytest.raises(UserError, match=r"line 1: .* 'sentence' twice"):
        raw(folder, line, "scenes.jsonl")


def test_reading_a_csv_imports_neither_torch_nor_pyarrow() -> None:
    code = "import sys, bench.data.index; sys.exit(bool({'torch', 'pyarrow'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
