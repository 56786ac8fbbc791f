import math

import numpy as np
import pytest
from scipy import stats

from bench.statistics.ratio import ratio_of_rounds

ROUNDS, OTHERS = [0.20, 0.21, 0.19, 0.22], [0.10, 0.11, 0.105]


def test_the_ratio_is_that_of_the_medians_and_its_interval_welchs_of_the_logarithms():
    found = ratio_of_rounds(ROUNDS, OTHERS, 0.0, 0.9)
    assert found.value == pytest.approx(0.205 / 0.105)
    welch = stats.ttest_ind(np.log(ROUNDS), np.log(OTHERS), equal_var=False)
    ends = [math.exp(end) for end in welch.confidence_interval(0.9)]
    assert [found.low, found.high] == pytest.approx(ends, rel=1e-6)


def test_what_stays_the_same_in_all_rounds_of_both_widens_the_interval():
    plain, wide = (ratio_of_rounds(ROUNDS, OTHERS, width) for width in (0.0, 0.03))
    wider = 1.03 ** math.sqrt(2)
    assert (wide.low, wide.high) == pytest.approx((plain.low / wider, plain.high * wider))


def test_rounds_without_any_spread_leave_what_stays_the_same():
    found = ratio_of_rounds([2.0, 2.0], [1.0, 1.0], 0.01)
    assert (found.value, found.high) == pytest.approx((2.0, 2 * 1.01 ** math.sqrt(2)))


def test_one_round_has_no_interval():
    assert ratio_of_rounds([2.0], [1.0, 1.1], 0.01).low is None
