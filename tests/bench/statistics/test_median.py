import math
import random
import statistics

import pytest

from bench.statistics.median import Median, median_of_rounds, quantile


def test_the_interval_is_students_of_the_logarithms_by_hand():
    found = median_of_rounds([100.0, 110.0, 90.0], least_width=0.0)
    logs = [math.log(value) for value in (90, 100, 110)]
    # 4.3027: the 97.5 % quantile of Student's t with 2 degrees of freedom
    half = 4.3027 * statistics.stdev(logs) / math.sqrt(3)
    centre = statistics.fmean(logs)
    assert found.value == 100
    assert found.low == pytest.approx(math.exp(centre - half), rel=1e-4)
    assert found.high == pytest.approx(math.exp(centre + half), rel=1e-4)


@pytest.mark.parametrize("rounds", [3, 5])
def test_the_interval_holds_the_truth_in_95_of_100_cases(rounds):
    rng = random.Random(0)
    held = 0
    for _ in range(4000):
        found = median_of_rounds([math.exp(rng.gauss(0, 0.02)) for _ in range(rounds)], 0.0)
        held += found.low <= 1 <= found.high
    assert 0.94 < held / 4000 < 0.96


def test_rounds_that_all_agree_are_as_unsure_as_is_said_that_they_are():
    found = median_of_rounds([2.0] * 3, least_width=0.01)
    assert (found.low, found.high) == (pytest.approx(2 / 1.01), pytest.approx(2 * 1.01))


@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 11, 40])
def test_the_median_lies_in_its_interval_whatever_one_round_did(count):
    values = [1.0 + place / 100 for place in range(count - 1)]
    for outlier in (1e-6, 1e6):
        found = median_of_rounds([*values, outlier], 0.0)
        assert found.low <= found.value <= found.high


def test_a_minority_of_rounds_cannot_move_the_median():
    assert median_of_rounds([1.0, 1.01, 1.02, 4.0, 250.0], 0.0).value == 1.02


def test_one_round_alone_has_no_interval():
    assert median_of_rounds([3.0], least_width=0.01) == Median(3.0, None, None)
    assert Median(3.0).half_width is None
    assert not Median(3.0).differs_from_one


def test_a_speed_has_the_ends_of_a_time_the_other_way_round():
    speed = Median(2.0, 1.0, 4.0).inverse(8.0)
    assert speed == Median(4.0, 2.0, 8.0)
    assert speed.half_width == 3
    assert Median(2.0, 1.0, 4.0).times(1000) == Median(2000, 1000, 4000)
    assert Median(2.0).inverse(8.0) == Median(4.0)


@pytest.mark.parametrize(
    ("low", "high", "differs"), [(0.9, 1.1, False), (1.01, 1.1, True), (0.5, 0.99, True)]
)
def test_a_ratio_differs_from_one_that_is_outside_of_its_interval(low, high, differs):
    assert Median((low + high) / 2, low, high).differs_from_one == differs


def test_a_quantile_is_interpolated():
    ordered = [0.0, 1.0, 2.0, 3.0]
    assert quantile(ordered, 0.5) == 1.5
    assert quantile(ordered, 0) == 0
    assert quantile(ordered, 1) == 3
    assert quantile([7.0], 0.99) == 7
