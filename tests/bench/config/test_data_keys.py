"""Keys of a data set that are missing, or of another layout, are refused before anything is read."""

import pytest

from bench.config.compose import configuration
from bench.config.identity import identity
from bench.terminal.errors import UserError

COCO = ["data=coco", "data.coco=a.json", "data.images=b"]


@pytest.mark.parametrize(
    ("words", "what", "remedy"),
    [
        (["data=manifest"], "data.file: is missing", "data.file=FILE"),
        (["data=coco"], "data.coco: is missing", "data.coco=FILE"),
        (["data=coco", "data.coco=a.json"], "data.images: is missing", "data.images=DIR"),
        (["data.file=a.csv"], "data.file: is not read", "data=manifest"),
        (["data=rrsisd", "data.images=x"], "data.images: is not read", "data=coco and data=refcoco"),
        (["data=rrsisd", "data.refer.groups=true"], "data.refer.groups: is not read", "data=coco"),
        (["data=refsegrs", "data.test_split=testA"], "data.test_split: is not read", "data=refcoco"),
        (["data.bands=[1,2]"], "data.bands=[1,2]", "[4,3,2]"),
        (["data.bands=[3,2,0]"], "data.bands=[3,2,0]: is too small", "from 1"),
        ([*COCO, "data.refer.per_image=0"], "data.refer.per_image=0", "from 1"),
    ],
)
def test_a_key_that_is_missing_or_never_read_is_named(words: list[str], what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        configuration(words)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_classes_are_renamed_by_a_mapping() -> None:
    words = [*COCO, "data.refer.rename={storage tank: silo, ship: boat}", "data.refer.seed=3"]
    refer = configuration(words).data.refer
    assert (refer.rename, refer.seed) == ({"storage tank": "silo", "ship": "boat"}, 3)


def test_bands_are_part_of_a_cell_only_where_they_are_chosen() -> None:
    ids = [identity(configuration(words), 0, "f", str)["data"] for words in ([], ["data.bands=[4,3,2]"])]
    assert "bands" not in ids[0]
    assert ids[1] == {**ids[0], "bands": [4, 3, 2]}
