import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.terminal.arguments import divide, nearest, parse, positional
from bench.terminal.errors import UserError
from bench.terminal.paths import path


@dataclass
class Some:
    id: str = ""
    name: str | None = None
    count: int = 0
    names: list[str] = field(default_factory=list)
    share: float = 0.5
    shares: list[float] = field(default_factory=list)
    folder: str = path("runs")
    quick: bool = False


@pytest.mark.parametrize("cell", ["03488e481545", "000000000012", "123456789012", "1e5", "true", "0x10"])
def test_text_that_looks_like_a_number_stays_text(cell: str) -> None:
    assert parse([f"id={cell}", f"name={cell}"], Some, "") == Some(id=cell, name=cell)


@given(st.text("0123456789abcdef", min_size=12, max_size=12))
def test_every_cell_id_comes_through(cell: str) -> None:
    assert parse([f"id={cell}"], Some, "").id == cell


def test_other_kinds_are_read_as_such() -> None:
    given = parse(["count=3", "names=[a, b]", "name=null"], Some, "")
    assert given == Some(count=3, names=["a", "b"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("cuont=1", "cuont"),
        ("count=x", "count"),
        ("x", "key=value"),
        ("=", "key=value"),
        ("count =1", "without spaces around ="),
        ("--count=1", "without dashes. Write count=1"),
        ("-c", "without dashes"),
        ("--count", "--count: a value is missing. Write count=..."),
        ("names=[a", "bracket"),
        ("count=[1]", "count: one value is needed. Write count=..., without brackets"),
        ("count={a: 1}", "count: one value is needed"),
        ("names=a", "names: a list is needed"),
        ("shares=[[1]]", "shares: [1] is among its values. Give plain values"),
        ("share=nan", "share=nan: no finite"),
        ("shares=[1,.inf]", "shares="),
    ],
)
def test_wrong_words_are_answered(word: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse([word], Some, "")
    assert said in f"{caught.value.what} {caught.value.remedy}"


@given(
    st.text(st.sampled_from("a /=[],{}'\"`$#%~\\数"), min_size=1).map(lambda text: text.replace("$", "${"))
)
def test_text_is_taken_as_typed_whatever_it_looks_like(text: str) -> None:
    assert parse([f"id={text}"], Some, "").id == text


def test_home_folder_is_meant_in_paths_alone() -> None:
    given = parse(["folder=~/runs", "id=~/runs"], Some, "")
    assert given == Some(folder=str(Path.home() / "runs"), id="~/runs")


def test_key_given_twice_is_one_line() -> None:
    for words in (["count=1", "count=2"], ["--quick", "quick=false"]):
        with pytest.raises(UserError, match=f"{words[0]} and {words[1]}: .* is given twice"):
            parse(words, Some, "")


def test_path_with_an_equals_sign_is_no_key() -> None:
    home = str(Path.home() / "b")
    assert positional(["/x/a=b", "~/b", "count=1", "--quick"]) == (["/x/a=b", home], ["count=1", "--quick"])


@given(st.text(), st.lists(st.text()))
def test_no_name_is_its_own_remedy(word: str, known: list[str]) -> None:
    assert nearest(word, [*known, word]) != f"Did you mean {word}?"


def test_keys_of_a_command_and_of_the_configuration_are_told_apart() -> None:
    others = ("scale", "model.neck")
    given = divide(["scale=tiny", "count=1", "--quick", "model.neck=cim"], Some, others)
    assert given == (["count=1", "--quick"], ["scale=tiny", "model.neck=cim"])
    for words, said in (
        (["scal=tiny"], "Did you mean scale?"),
        (["scale", "tiny"], "one word"),
        (["scale=tiny", "scale=base"], "scale is given twice"),
    ):
        with pytest.raises(UserError, match=re.escape(said)):
            divide(words, Some, others)
