import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.series import TENTHS, reached, training


@given(st.lists(st.sampled_from([0.0, 9.99, 10.0, 50.0, 100.0]) | st.floats(0, 100), min_size=1))
def test_an_expression_reaches_a_threshold_it_equals(ious: list[float]) -> None:
    naive = [100 * np.mean(np.array(ious) >= 100 * threshold) for threshold in TENTHS]
    assert reached(np.array(ious)).tolist() == naive


def test_training_shows_the_seeds_that_got_furthest_together() -> None:
    lines = [
        ("a", seed, epoch, 1.0 / epoch + seed, 10.0 * epoch + seed)
        for seed in (0, 1)
        for epoch in (1, 2, 3)
        if (seed, epoch) != (1, 3)
    ]
    found = training(pd.DataFrame(lines, columns=["row", "seed", "epoch", "loss", "score"]))
    assert found["epoch"].tolist() == [1, 2]
    assert found["score_mean"].tolist() == [10.5, 20.5]
    assert (found["loss_high"] - found["loss_low"]).tolist() == [1, 1]
