import random

import numpy as np
import pytest

from bench.statistics.median import interval, is_narrow, quantile


def test_percentiles_by_hand():
    ordered = [1.0, 2.0, 4.0, 8.0, 16.0]
    assert quantile(ordered, 0.5) == 4
    assert quantile(ordered, 0.9) == pytest.approx(8 + 0.6 * 8)  # place 3.6
    assert quantile(ordered, 0.1) == pytest.approx(1.4)
    assert quantile([3.0], 0.99) == 3


def test_percentiles_as_numpy_has_them():
    ordered = sorted(np.random.default_rng(0).lognormal(size=37).tolist())
    for share in (0.1, 0.5, 0.9, 0.99):
        assert quantile(ordered, share) == pytest.approx(np.quantile(ordered, share))


@pytest.mark.parametrize(
    ("count", "ends"),
    # the ranks of the textbooks' tables for a sign test at 5 %
    [(5, None), (6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (20, (6, 15)), (30, (10, 21))],
)
def test_the_interval_of_the_median_is_the_textbooks(count, ends):
    assert interval(range(1, count + 1)) == ends


def test_the_interval_holds_the_median_at_least_as_often_as_it_says():
    drawn = random.Random(0)
    held = 0
    for _ in range(1000):
        low, high = interval(sorted(drawn.expovariate(1) for _ in range(30)))
        held += low <= 0.6931471805599453 <= high
    assert 945 <= held <= 980  # 95.7 % for 30 values


def test_narrow_is_within_one_percent():
    assert is_narrow([1.0, *[1.003] * 4, 1.009])
    assert not is_narrow([1.0, *[1.003] * 4, 1.011])
    assert not is_narrow([1.0] * 5)
