import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import jaccard_score

from bench.storage.metrics import NAMES, iou, score

PAIRS = st.lists(
    st.integers(0, 500).flatmap(lambda union: st.tuples(st.integers(0, union), st.just(union))),
    min_size=1,
    max_size=60,
)


def test_scores_of_a_worked_example() -> None:
    found = score([0, 50, 70, 95, 0], [0, 100, 100, 100, 10])
    assert found == pytest.approx(
        {"P@0.5": 60, "P@0.6": 40, "P@0.7": 40, "P@0.8": 20, "P@0.9": 20, "oIoU": 100 * 215 / 310, "mIoU": 43}
    )
    assert tuple(found) == NAMES


@given(PAIRS)
def test_scores_are_percentages_and_precision_falls_with_the_threshold(pairs: list[tuple[int, int]]) -> None:
    found = score(*zip(*pairs, strict=True))
    assert all(0 <= value <= 100 for value in found.values())
    precision = [found[name] for name in NAMES if name.startswith("P@")]
    assert precision == sorted(precision, reverse=True)
    assert found["mIoU"] >= found["P@0.9"] * 0.9 - 1e-9


@given(PAIRS, st.randoms())
def test_order_of_expressions_does_not_matter(pairs: list[tuple[int, int]], order) -> None:
    shuffled = list(pairs)
    order.shuffle(shuffled)
    assert score(*zip(*shuffled, strict=True)) == pytest.approx(score(*zip(*pairs, strict=True)))


@given(st.integers(0, 2**32 - 1))
def test_agrees_with_an_independent_implementation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.random((2, 8, 30)) < 0.5
    intersections, unions = (truth & predicted).sum(1), (truth | predicted).sum(1)
    each = [jaccard_score(t, p, zero_division=0) for t, p in zip(truth, predicted, strict=True)]
    found = score(intersections, unions)
    assert found["mIoU"] == pytest.approx(100 * np.mean(each))
    assert found["oIoU"] == pytest.approx(100 * jaccard_score(truth.ravel(), predicted.ravel()))
    assert found["P@0.5"] == pytest.approx(100 * np.mean(np.array(each) >= 0.5))


def test_empty_unions_count_as_zero() -> None:
    assert iou([0], [0]) == [0]
    assert score([0, 10], [0, 10])["mIoU"] == 50


def test_nothing_to_score_is_an_error() -> None:
    with pytest.raises(ValueError, match="no expressions"):
        score([], [])
    with pytest.raises(ValueError, match="1 intersections"):
        score([1], [1, 2])
