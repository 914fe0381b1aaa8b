import numpy as np
import pandas as pd
import pytest

from reports.statistics.expression_types import Type, expression_type
from reports.statistics.groups import by_length, by_size, by_type


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("airplane", Type.plain),
        ("The bridge", Type.plain),
        ("The red vehicle", Type.attribute),
        ("A small gray ship", Type.attribute),
        ("The ship on the left side", Type.position),
        ("The vehicle in the middle", Type.position),
        ("The upper left ship", Type.position),
        ("The ship on the left of the harbor", Type.relation),
        ("The vehicle parked next to the red building", Type.relation),
        ("The dam is smaller than the dam on the right", Type.comparison),
        ("A bridge is a little bigger than the brown bridge", Type.comparison),
    ],
)
def test_types_of_expressions(sentence: str, kind: Type) -> None:
    assert expression_type(sentence) is kind


def test_every_expression_is_in_one_group() -> None:
    facts = pd.DataFrame(
        {
            "share": [0.001, 0.0099, 0.01, 0.099, 0.1, 0.9],
            "sentence": [
                "ship",
                "a b c d e",
                "a b c d e f",
                "red ship",
                " ".join("x" * 10),
                " ".join("x" * 11),
            ],
        }
    )
    for splitter in (by_size, by_type, by_length):
        members = np.stack([group.member for group in splitter(facts)])
        assert (members.sum(axis=0) == 1).all()
    assert [int(group.member.sum()) for group in by_size(facts)] == [2, 2, 2]
    assert [int(group.member.sum()) for group in by_length(facts)] == [3, 2, 1]
