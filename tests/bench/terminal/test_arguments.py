from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.terminal.arguments import parse
from bench.terminal.errors import UserError


@dataclass
class Some:
    id: str = ""
    name: str | None = None
    count: int = 0
    names: list[str] = field(default_factory=list)
    share: float = 0.5
    shares: list[float] = field(default_factory=list)


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
        ("names=[a", "bracket"),
        ("share=nan", "share=nan: no finite"),
        ("shares=[1,.inf]", "shares="),
    ],
)
def test_wrong_words_are_answered(word: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parse([word], Some, "")
    assert said in f"{caught.value.what} {caught.value.remedy}"
