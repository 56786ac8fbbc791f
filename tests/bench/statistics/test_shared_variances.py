import numpy as np
import pytest
from scipy import optimize, special

from bench.statistics.panel import SeedVariances
from bench.statistics.shared_variances import _inverse_trigamma, _prior, shared_variances


def variances(values, freedom):
    return SeedVariances(np.array(values, float), np.full(len(values), float(freedom)))


@pytest.mark.parametrize("value", [1e-4, 0.3, 1.0, 7.0, 1e4])
def test_trigamma_is_inverted(value):
    assert special.polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-6)


def test_the_prior_has_the_moments_of_the_logarithms():
    found = np.array([0.1, 0.5, 4.0, 30.0])
    centre, freedom = _prior(found, np.full(4, 2.0))
    logs = np.log(found)
    # log s^2 of 2 degrees of freedom: mean digamma(1) - log(1), variance trigamma(1)
    half = optimize.brentq(
        lambda x: special.polygamma(1, x) - (logs.var(ddof=1) - special.polygamma(1, 1.0)),
        1e-3,
        1e3,
    )
    assert freedom == pytest.approx(2 * half)
    mean = logs.mean() - special.digamma(1.0) + special.digamma(half) - np.log(half)
    assert centre == pytest.approx(np.exp(mean))


def test_the_prior_finds_the_distribution_that_variances_were_drawn_from():
    rng = np.random.default_rng(0)
    truths = 4.0 * 6 / rng.chisquare(6, 40_000)
    found = truths * rng.chisquare(2, 40_000) / 2
    assert _prior(found, np.full(40_000, 2.0)) == pytest.approx((4.0, 6.0), rel=0.1)


def test_equal_variances_share_as_much_as_the_cap_allows():
    found = shared_variances(variances([1, 1, 1, 1], 2))
    # the others have 6 degrees of freedom, of which half count
    assert list(found.freedom) == [5, 5, 5, 5]
    # prior: log s0^2 = 0 - digamma(1) + log(1), greater than log 1
    prior = np.exp(-special.digamma(1))
    assert found.variance == pytest.approx(np.full(4, (3 * prior + 2) / 5))


def test_no_variance_becomes_smaller():
    seeds = variances([0.1, 1, 2, 50], 4)
    assert (shared_variances(seeds).variance >= seeds.variance).all()
    assert shared_variances(seeds).variance[3] == 50


def test_rows_that_collapsed_say_nothing_of_the_others():
    seeds = variances([1, 1.2, 0.9, 1.1, 300], 2)
    counted = np.array([True] * 4 + [False])
    without = shared_variances(variances([1, 1.2, 0.9, 1.1], 2))
    assert shared_variances(seeds, counted).variance[:4] == pytest.approx(without.variance)
    assert shared_variances(seeds).variance[:4] != pytest.approx(without.variance)


def test_two_rows_make_no_prior():
    seeds = variances([1, 2], 2)
    assert shared_variances(seeds) is seeds
    assert shared_variances(variances([0, 0, 2, 3], 2)).variance[0] == 0  # equal seeds count not


def test_a_row_of_one_seed_gets_the_prior():
    seeds = SeedVariances(np.array([1.0, 1, 1, 1, 0]), np.array([2.0, 2, 2, 2, 0]))
    found = shared_variances(seeds)
    assert found.freedom[4] == 4  # half of 8
    assert found.variance[4] == pytest.approx(np.exp(-special.digamma(1)))
