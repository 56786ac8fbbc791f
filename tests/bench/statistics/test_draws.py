import numpy as np
import pytest
from scipy import stats
from simulated_worlds import World

from bench.statistics.draws import deviations
from bench.statistics.panel import Panel, SeedVariances

LEVELS = [0.5, 0.9, 0.99]


def test_seeds_alone_are_drawn_by_students_t_of_each_row():
    panel = Panel([np.ones((3, 2)), np.ones((4, 2))])
    seeds = SeedVariances(np.array([12.0, 4.0]), np.array([2.0, 7.0]))
    drawn = np.abs(deviations(panel, seeds, np.random.default_rng(0)))
    for row, (scale, freedom) in enumerate([(2, 2), (1, 7)]):
        expected = scale * stats.t.ppf(0.5 + np.array(LEVELS) / 2, freedom)
        assert np.quantile(drawn[:, row], LEVELS) == pytest.approx(expected, rel=0.1)


def test_images_alone_are_drawn_by_students_t_with_the_freedom_of_the_groups():
    panel = World(means=(0.0, 0.0), seeds=1, groups=(5,)).panel(np.random.default_rng(0))
    drawn = deviations(panel, panel.seeds, np.random.default_rng(0))
    assert panel.clusters.freedom < 4
    for weights in (np.array([1.0, 0.0]), np.array([1.0, -1.0])):
        t = stats.t.ppf(0.5 + np.array(LEVELS) / 2, panel.clusters.freedom)
        expected = t * panel.image_variance(weights) ** 0.5
        found = np.quantile(np.abs(drawn @ weights), LEVELS)
        assert found == pytest.approx(expected, rel=0.1)


def test_variances_of_pairs_are_those_of_differences():
    panel = World(means=(0.0,) * 3, groups=(20, 15)).panel(np.random.default_rng(0))
    found = panel.image_variances_of_differences
    rows = np.eye(3)
    expected = [[float(panel.image_variance(one - other)) for other in rows] for one in rows]
    assert found.tolist() == expected  # to the last bit
    assert found[0, 2] == pytest.approx(panel.image_variance(np.array([1.0, 0.0, -1.0])))
    assert found == pytest.approx(found.T)
    assert np.diag(found) == pytest.approx([0, 0, 0])


def test_the_draws_of_some_rows_are_those_of_all():
    panel = World(means=(0.0,) * 4, seeds=3, groups=(20,)).panel(np.random.default_rng(0))
    whole = deviations(panel, panel.seeds, np.random.default_rng(0))
    some = deviations(panel, panel.seeds, np.random.default_rng(0), np.array([1, 3]))
    assert some == pytest.approx(whole[:, [1, 3]], rel=1e-12)
