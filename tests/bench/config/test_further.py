import pytest

from bench.config.choices import Layout
from bench.config.compose import compose, configuration, plain, restore
from bench.config.further import further_data
from bench.config.request import Request
from bench.terminal.errors import UserError
from tests.bench.study.test_plan import id_of

MINE = "{data: rrsisd, root: data/mine, name: Our ports}"


def test_an_entry_is_a_name_or_a_mapping_of_what_differs() -> None:
    ports, published = further_data(configuration([f"protocol.also=[{MINE},refsegrs]"]))
    assert (ports.name, ports.layout, ports.root) == ("Our ports", Layout.rrsisd, "data/mine")
    assert (published.name, published.layout, published.root) == (
        "refsegrs",
        Layout.refsegrs,
        "data/refsegrs",
    )


def test_drawn_scenes_can_be_others() -> None:
    words = "protocol.also=[{data: synthetic, root: data/other, name: other, synthetic: {seed: 3}}]"
    (other,) = further_data(configuration([words]))
    assert other.synthetic is not None
    assert (other.synthetic.seed, other.synthetic.size) == (3, 96)


def test_a_further_set_is_read_as_the_one_trained_on() -> None:
    words = ["data.max_tokens=9", "data.stretch=minmax", "data.cache=kept", "data.workers=1", "data.limit=3"]
    (each,) = further_data(configuration([*words, "protocol.also=[refsegrs]"]))
    assert (each.max_tokens, each.stretch, each.cache, each.workers) == (9, "minmax", "kept", 1)
    assert each.limit is None


def test_a_row_may_name_them_and_what_is_stored_is_read_back() -> None:
    config = compose(Request.parse([]), {"protocol": {"also": ["refsegrs", {"data": "rrsisd", "root": "x"}]}})
    assert [each.root for each in further_data(config)] == ["data/refsegrs", "x"]
    assert further_data(restore(plain(config))) == further_data(config)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("refsegr", "protocol.also, refsegr: data=refsegr: there is no such data."),
        ("3", "protocol.also: 3 names no data set."),
        ("{name: mine}", "names no data set."),
        ("{data: rrsisd, rot: x}", "protocol.also, rrsisd: rot: there is no such key."),
        (
            "{data: rrsisd, name: mine, max_tokens: 5}",
            "protocol.also, mine: max_tokens: a further set is read",
        ),
        ("{data: rrsisd, limit: 5}", "protocol.also, rrsisd: limit: a further set is read"),
        (
            "{data: synthetic, name: s, synthetic: {size: 2}}",
            "protocol.also, s: data.synthetic.size=2: is too small",
        ),
    ],
)
def test_an_entry_that_cannot_be_is_named(entry: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        configuration([f"protocol.also=[{entry}]"])
    assert said in error.value.what
    assert error.value.remedy


def test_ids_without_further_sets_are_what_they_were() -> None:
    assert id_of("protocol.also=[]") == id_of()
