import itertools

import numpy as np
import pytest
from scipy import stats

from bench.statistics.intervals import (
    Interval,
    contrast,
    difference,
    independent_difference,
    mean_of,
)
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.spread import Spread

# Two rows of three seeds whose images say nothing: all of a seed's images have one value.
SEEDS_ALONE = Panel([[[1, 1]] * 1 + [[2, 2]] + [[6, 6]], [[0, 0], [1, 1], [2, 2]]])


def test_the_mean_of_seeds_alone_is_students_interval():
    found = mean_of(SEEDS_ALONE, 0)
    low, high = stats.t.interval(0.95, 2, loc=3, scale=stats.sem([1, 2, 6]))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)
    assert not found.of_checkpoint


def test_the_difference_of_seeds_alone_is_welchs_interval():
    found = difference(SEEDS_ALONE, 0, 1)
    expected = stats.ttest_ind([1, 2, 6], [0, 1, 2], equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6)


def test_one_seed_is_students_interval_of_the_images_and_said_to_be_of_the_checkpoint():
    values = np.random.default_rng(0).normal(size=50)
    other = np.random.default_rng(1).normal(size=50)
    found = difference(Panel([[values], [other]]), 0, 1)
    expected = stats.ttest_rel(values, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6)
    assert found.of_checkpoint


def test_a_row_without_weight_says_nothing_of_the_target():
    panel = Panel([[[1, 2, 3]], [[1, 2, 3], [2, 2, 4]]])
    assert not mean_of(panel, 1).of_checkpoint
    assert difference(panel, 0, 1).of_checkpoint


def test_the_parts_of_a_contrast_by_hand():
    panel = Panel([[[0, 2], [2, 4]], [[1, 1], [5, 5], [3, 3]]])
    found = contrast(panel, np.array([0.5, 2.0])).spread
    # first row: seed means 1 and 3, variance 2, over 2 seeds, times 1/4; second: 4 over 3, times 4
    parts = (0.25, 16 / 3)
    assert found.seed_variance == pytest.approx(sum(parts))
    assert found.seed_freedom == pytest.approx(
        sum(parts) ** 2 / (parts[0] ** 2 + parts[1] ** 2 / 2)
    )
    # half of the first row's image means 1 and 3: variance 1/2, over N = 2
    assert found.image_variance == pytest.approx(0.25)
    assert found.image_freedom == pytest.approx(1)


def test_a_pair_of_rows_is_compared_image_by_image():
    """What the images have in common cancels, though it is the most of either mean's variance."""
    rng = np.random.default_rng(0)
    images = rng.normal(0, 20, 200)
    panel = Panel([images + rng.normal(0, 1, (3, 200)) for _ in range(2)])
    assert mean_of(panel, 0).half_width > 2
    assert difference(panel, 0, 1).half_width < 0.5


def test_the_probability_is_the_confidence_of_the_interval_that_ends_there():
    found = difference(SEEDS_ALONE, 0, 1)
    assert found.probability_above(found.low) == pytest.approx(0.975, abs=1e-6)
    assert found.probability_above(found.high) == pytest.approx(0.025, abs=1e-6)
    assert found.probability_above(found.estimate) == 0.5
    welch = stats.ttest_ind([1, 2, 6], [0, 1, 2], equal_var=False, alternative="less")
    assert found.probability_above(0) == pytest.approx(welch.pvalue, abs=1e-6)


def test_an_interval_excludes_what_lies_outside():
    found = Interval(1.0, Spread(0.25, 1e6, 0, 1))
    assert [found.excludes(value) for value in (0.0, 0.1, 1.9, 2.1)] == [True, False, False, True]
    assert found.at(0.9).half_width == pytest.approx(0.5 * 1.644854, rel=1e-5)


def test_another_variance_takes_the_place_of_the_rows_own():
    seeds = SeedVariances(np.array([12.0, 3.0]), np.array([8.0, 8.0]))
    found = mean_of(SEEDS_ALONE, 0, seeds)
    assert found.half_width == pytest.approx(stats.t.ppf(0.975, 8) * 2, rel=1e-6)


@pytest.mark.parametrize("columns", [1, 2])
def test_a_difference_is_the_contrast_of_its_two_rows_to_the_last_bit(columns):
    random = np.random.default_rng(0)
    rows = [random.normal(seeds / 9, 1, (seeds, 40)) for seeds in (3, 5, 1, 2)]
    panel = Panel(rows, tuple(random.integers(0, 6, (columns, 40))))
    for row, other in itertools.permutations(range(4), 2):
        weights = np.eye(4)[row] - np.eye(4)[other]
        assert difference(panel, row, other) == contrast(panel, weights)


def test_the_difference_of_two_panels_is_welchs_interval_of_their_seeds():
    one, other = Panel([SEEDS_ALONE.rows[0]]), Panel([SEEDS_ALONE.rows[1]])
    found = independent_difference(mean_of(one, 0), mean_of(other, 0))
    expected = stats.ttest_ind([1, 2, 6], [0, 1, 2], equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6)
    assert not found.of_checkpoint


def test_the_difference_of_two_panels_is_welchs_interval_of_their_images():
    rng = np.random.default_rng(0)
    values, others = rng.normal(size=20), rng.normal(3, 2, size=30)
    found = independent_difference(mean_of(Panel([[values]]), 0), mean_of(Panel([[others]]), 0))
    expected = stats.ttest_ind(values, others, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected), rel=1e-6)
    assert found.of_checkpoint
