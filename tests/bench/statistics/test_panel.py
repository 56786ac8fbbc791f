import numpy as np
import pytest
from simulated_worlds import World

from bench.errors import InputError
from bench.statistics.panel import Panel

BY_HAND = Panel([[[1, 2, 3], [3, 2, 7]]])


def test_means_and_seed_variance_by_hand():
    # seed means 2 and 4
    assert BY_HAND.means == pytest.approx([3])
    assert BY_HAND.seeds.variance == pytest.approx([2])
    assert list(BY_HAND.seeds.freedom) == [1]


def test_image_variance_by_hand():
    # image means 2, 2, 5 give 1. Residuals 0, 1, -1 and 0, -1, 1: each 2 / 6, together 2/3 over
    # S - 1 = 1; over S = 2 it is 1/3 that the seed variance holds already.
    assert BY_HAND.residual_variances == pytest.approx([2 / 3])
    assert BY_HAND.image_variance(np.array([1.0])) == pytest.approx(2 / 3)


def test_image_variance_of_a_difference_by_hand():
    panel = Panel([[[1, 2, 3], [3, 2, 7]], [[1, 0, 2]]])
    # image means 2, 2, 5 minus 1, 0, 2 are 1, 2, 3: variance 1, over N = 3; minus 1/3: one seed
    # leaves no residual
    assert panel.image_variance(np.array([1.0, -1.0])) == pytest.approx(0)
    # half of the first: 0, 1, 0.5: 0.25 over N = 3 is 1/12, minus 1/4 of 1/3
    found = panel.image_variance(np.array([[0.5, -1.0], [0.0, 1.0]]))
    assert found == pytest.approx([0, 1 / 3], abs=1e-12)


def test_one_seed_has_no_seed_variance():
    panel = Panel([[[1, 2, 4]]])
    assert (panel.seeds.variance[0], panel.seeds.freedom[0]) == (0, 0)
    assert panel.residual_variances == pytest.approx([0])


@pytest.mark.parametrize("groups", [(), (30,), (30, 20)])
def test_both_parts_together_are_unbiased(groups):
    """U + V is the variance of the mean, in which each source counts once."""
    world = World(means=(0.0,), seeds=3, images=120, seed_sd=1, residual_sd=20, groups=groups)
    rng = np.random.default_rng(0)
    means, claimed = [], []
    for _ in range(1500):
        panel = world.panel(rng)
        means.append(panel.means[0])
        claimed.append(panel.seeds.variance[0] / 3 + panel.image_variance(np.ones(1)))
    truth = np.var(means)
    # the variance of 1,500 means is known to 3.7 % (one standard error)
    assert np.mean(claimed) == pytest.approx(truth, rel=0.12)


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        ([], "no rows"),
        ([[[1, 2]], [[1, 2, 3]]], r"row 1 has shape \(1, 3\)"),
        ([[1, 2]], r"row 0 has shape \(2,\)"),
        ([[[1, 2], [np.nan, 1]]], "row 0 lacks values"),
        ([[[1], [2]]], "one image"),
    ],
)
def test_rows_that_cannot_be_compared_are_named(rows, part):
    with pytest.raises(InputError, match=part):
        Panel(rows)
