import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics.series import TENTHS, reached


@given(st.lists(st.sampled_from([0.0, 9.99, 10.0, 50.0, 100.0]) | st.floats(0, 100), min_size=1))
def test_an_expression_reaches_a_threshold_it_equals(ious: list[float]) -> None:
    naive = [100 * np.mean(np.array(ious) >= 100 * threshold) for threshold in TENTHS]
    assert reached(np.array(ious)).tolist() == naive
