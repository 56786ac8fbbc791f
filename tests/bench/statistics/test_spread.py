import numpy as np
import pytest
from scipy import integrate, stats

from bench.statistics.spread import Spread


@pytest.mark.parametrize("freedom", [1, 1.4, 2, 3.7, 14, 999])
@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
def test_one_source_is_students_t(freedom, level):
    expected = stats.t.ppf(0.5 + level / 2, freedom) * 2
    assert Spread(4, freedom, 0, 7).half_width(level) == pytest.approx(expected, rel=1e-6)
    assert Spread(0, 7, 4, freedom).half_width(level) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("seeds", "freedom", "images", "other"),
    [(1, 1, 1, 179), (3, 2.3, 0.5, 14), (0.2, 4, 2, 1.5), (1, 1, 1, 1), (1, 2, 1, 2)],
)
def test_two_sources_agree_with_the_convolution(seeds, freedom, images, other):
    spread = Spread(seeds, freedom, images, other)
    half = spread.half_width(0.95)

    def inside(p):  # over the quantiles of the second, the first's probability
        x = images**0.5 * stats.t.ppf(p, other)
        scale = seeds**0.5
        return stats.t.cdf((half - x) / scale, freedom) - stats.t.cdf((-half - x) / scale, freedom)

    found, _ = integrate.quad(inside, 0, 1, limit=500, epsabs=1e-9)
    assert found == pytest.approx(0.95, abs=1e-6)
    assert spread.within(half) == pytest.approx(0.95, abs=1e-9)


def test_two_known_variances_are_one_normal_distribution():
    assert Spread(9, 1e7, 16, 1e7).half_width(0.95) == pytest.approx(5 * 1.959964, rel=1e-6)


def test_two_variances_of_three_seeds_need_more_than_satterthwaites_t():
    half = Spread(1, 2, 1, 2).half_width(0.95)
    assert half > 1.5 * 2**0.5 * stats.t.ppf(0.975, 4)


def test_what_is_certain_has_no_width():
    spread = Spread(0, 1, 0, 5)
    assert spread.half_width(0.95) == 0
    assert (spread.within(0), spread.within(1e-9)) == (0, 1)


def test_within_agrees_with_draws():
    rng = np.random.default_rng(0)
    draws = 1.5**0.5 * rng.standard_t(2, 400_000) + rng.standard_t(5, 400_000)
    spread = Spread(1.5, 2, 1, 5)
    for distance in (0.5, 2, 6):
        assert spread.within(distance) == pytest.approx(
            np.mean(np.abs(draws) <= distance), abs=3e-3
        )


@pytest.mark.parametrize("freedoms", [(1, 1), (2, 30), (4, 9), (500, 500)])
@pytest.mark.parametrize("variances", [(1.0, 0.0), (0.0, 2.0), (1.0, 1.0), (0.1, 3.0)])
def test_the_bound_on_what_lies_within_is_never_below_it(freedoms, variances):
    spread = Spread(variances[0], freedoms[0], variances[1], freedoms[1])
    for distance in (0.0, 0.1, 1.0, 3.0, 10.0):
        assert spread.within(distance) <= spread.at_most_within(distance) + 1e-6
