import numpy as np
import pytest
from scipy import stats
from simulated_worlds import World

from bench.statistics.intervals import contrast
from bench.statistics.panel import SeedVariances
from bench.statistics.pareto import measured, pareto_front, scored

SURE = np.zeros(4)


def rng():
    return np.random.default_rng(0)


def test_the_front_by_hand():
    accuracy = measured(np.array([3.0, 2.0, 1.0, 1.0]), SURE, rng())
    speed = measured(np.array([1.0, 2.0, 2.0, 3.0]), SURE, rng())
    found = pareto_front([accuracy, speed])
    assert list(found.on_front) == [True, True, False, True]
    assert list(found.how_often) == [1, 1, 0, 1]


def test_where_lower_is_better_the_front_turns():
    error = measured(np.array([3.0, 2.0, 1.0, 1.0]), SURE, rng(), higher_is_better=False)
    speed = measured(np.array([1.0, 2.0, 2.0, 3.0]), SURE, rng())
    assert list(pareto_front([error, speed]).on_front) == [False, False, False, True]


def test_rows_with_the_same_figures_are_both_on_the_front():
    assert list(pareto_front([measured(np.ones(4), SURE, rng())]).on_front) == [True] * 4


def test_how_often_is_the_probability_of_the_order():
    found = pareto_front([measured(np.array([1.0, 1.1]), np.full(2, 0.1), rng())])
    expected = stats.norm.cdf(np.log(1.1) / (0.1 * 2**0.5))
    assert found.how_often[1] == pytest.approx(expected, abs=0.015)
    assert found.how_often.sum() == pytest.approx(1)


def test_scores_are_drawn_with_their_seeds_and_images():
    panel = World(means=(0, 1), seeds=3, seed_sd=1).panel(rng())
    known = SeedVariances(panel.seeds.variance, np.full(2, 1e7))
    drawn = scored(panel, known, rng()).drawn
    for weights in (np.array([1.0, 0.0]), np.array([1.0, -1.0])):
        expected = contrast(panel, weights, seeds=known)
        off = np.abs(drawn @ weights - expected.estimate)
        for level in (0.5, 0.95):
            held = np.mean(off <= expected.at(level).half_width)
            assert held == pytest.approx(level, abs=0.02)
    assert scored(panel, panel.seeds, rng(), higher_is_better=False).figures[0] == -panel.means[0]
