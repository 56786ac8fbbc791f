import pytest
from scipy import stats

from bench.statistics.proportion import clopper_pearson, upper_bound


@pytest.mark.parametrize(("cases", "of"), [(0, 5), (1, 5), (5, 5), (3, 20), (40, 100), (0, 1)])
def test_the_interval_agrees_with_scipy(cases, of):
    test = stats.binomtest(cases, of)
    expected = test.proportion_ci(0.95, method="exact")
    assert clopper_pearson(cases, of) == pytest.approx(tuple(expected), abs=1e-9)
    one_sided = stats.binomtest(cases, of, alternative="less").proportion_ci(0.95, method="exact")
    assert upper_bound(cases, of) == pytest.approx(one_sided.high, abs=1e-9)


def test_no_collapse_in_five_seeds_leaves_up_to_45_percent():
    assert upper_bound(0, 5) == pytest.approx(1 - 0.05 ** (1 / 5), abs=1e-9)
