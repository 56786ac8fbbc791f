"""Whether intervals, ranks and races are right as often as docs/explanation/statistics.md says."""

import numpy as np
import pytest

from bench.statistics.intervals import mean_of
from bench.statistics.panel import Panel
from tests.simulated_worlds import World
from tests.simulations.coverage import (
    CASES,
    GROUPED,
    RANKINGS,
    Case,
    coverage,
    races,
    ranking,
)


def error(share, repeats):
    """Three standard errors of a share that was seen in so many repeats."""
    return 3 * (share * (1 - share) / repeats) ** 0.5


def assert_covers(case, repeats, rng):
    for found in coverage(case.world, repeats, rng):
        assert found.share >= case.least - error(case.least, repeats), case.name
        assert found.share <= case.most + error(case.most, repeats), case.name


QUICK = [
    Case("three seeds", World(seeds=3, seed_sd=2), 0.93, 0.985),
    Case("five seeds, images matter most", World(seeds=5, seed_sd=0.25), 0.93, 0.975),
    Case("groups", GROUPED, 0.93),
    Case("skewed", World(seeds=5, skewed=True), 0.925),
]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_intervals_hold_the_truth(case):
    assert_covers(case, 1000, np.random.default_rng(0))


def test_without_the_columns_that_hold_together_intervals_are_too_narrow():
    """What the groups are for: the same world, taken for independent images."""
    rng = np.random.default_rng(0)
    intervals = [mean_of(Panel(GROUPED.panel(rng).rows), 0) for _ in range(200)]
    assert np.mean([found.excludes(0) for found in intervals]) > 0.2


@pytest.mark.parametrize("name", ["4 rows, all equal, 3 seeds", "8 rows, all equal, 3 seeds"])
def test_equal_rows_are_seldom_called_different(name):
    repeats = 200
    found = ranking(RANKINGS[name], repeats, np.random.default_rng(0))
    assert found.false <= 0.07 + error(0.07, repeats)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_intervals_hold_the_truth_in_every_world(case):
    assert_covers(case, 4000, np.random.default_rng(1))


@pytest.mark.slow
def test_statements_on_all_rows_together_are_seldom_false():
    repeats = 1000
    found = [
        ranking(world, repeats, np.random.default_rng(number))
        for number, world in enumerate(RANKINGS.values())
    ]
    assert max(each.false for each in found) <= 0.07 + error(0.07, repeats)
    assert np.mean([each.false for each in found]) <= 0.05
    assert min(each.ranks for each in found) >= 0.95 - error(0.05, repeats)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "least", "most"), [(6, 0.2, 0.4), (2, 0.4, 0.65), (0.5, 0.85, 1)]
)
def test_a_race_keeps_the_best_row_and_uses_fewer_runs_where_rows_differ(spread, least, most):
    repeats = 500
    found = races(spread, repeats, np.random.default_rng(0))
    assert found.kept >= 0.98 - error(0.02, repeats)
    assert least < found.used < most
