import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from bench.errors import InputError
from bench.statistics.clusters import Clusters, Grouping


def variance(values, *columns):
    return Clusters(len(values), columns).covariances(np.array([values], float)).max()


def with_unequal_groups(seed=0, number=12, images=90):
    rng = np.random.default_rng(seed)
    column = rng.choice(number, images, p=np.arange(1, number + 1) / (number * (number + 1) / 2))
    return rng.normal(size=number)[column] + rng.normal(size=images), column


def test_without_groups_it_is_the_variance_of_a_mean_by_hand():
    # centred -1, -1, 2: squares add up to 6, divided by N (N - 1) = 6
    assert variance([2, 2, 5]) == pytest.approx(1.0)
    assert Clusters(3).freedom == pytest.approx(2)


def test_groups_of_two_and_one_by_hand():
    # sums -2 and 2: squares 8; sum n^2 = 5, tr(M'M) = 16/9; 5 / (16/9) * 8 / 3^2 = 2.5
    assert variance([2, 2, 5], np.array([0, 0, 1])) == pytest.approx(2.5)
    assert Clusters(3, [np.array([0, 0, 1])]).freedom == pytest.approx(1)


def test_scale_and_freedom_are_those_of_the_matrix_m():
    _, column = with_unequal_groups()
    grouping = Grouping.of(column)
    n = grouping.sizes
    m = np.diag(n) @ (np.eye(len(n)) - np.outer(np.ones(len(n)), n) / n.sum())
    square = m.T @ m
    assert grouping._traces == pytest.approx((np.trace(square), np.trace(square @ square)))
    assert grouping.freedom == pytest.approx(np.trace(square) ** 2 / np.trace(square @ square))


def test_groups_of_one_image_are_no_groups():
    values, _ = with_unequal_groups()
    assert variance(values, np.arange(len(values))) == pytest.approx(variance(values), rel=1e-12)
    singles = Clusters(len(values), [np.arange(len(values))])
    assert singles.freedom == pytest.approx(len(values) - 1)


def test_names_of_groups_do_not_matter():
    values, column = with_unequal_groups()
    renamed = np.array([f"room {group}" for group in column])
    assert variance(values, renamed) == pytest.approx(variance(values, column))


def test_one_column_agrees_with_statsmodels_up_to_the_scale():
    values, column = with_unequal_groups()
    plain = sm.OLS(values, np.ones(len(values))).fit(
        cov_type="cluster", cov_kwds={"groups": column, "use_correction": False}
    )
    n = np.unique(column, return_counts=True)[1].astype(float)
    # statsmodels has none, or G / (G - 1), which is ours where all groups have one size
    trace = (n**2).sum() - 2 * (n**3).sum() / n.sum() + (n**2).sum() ** 2 / n.sum() ** 2
    expected = plain.cov_params()[0, 0] * (n**2).sum() / trace
    assert variance(values, column) == pytest.approx(expected, rel=1e-10)


def test_equal_groups_agree_with_statsmodels_small_sample_correction():
    rng = np.random.default_rng(3)
    column = np.repeat(np.arange(10), 6)
    values = rng.normal(size=10)[column] + rng.normal(size=60)
    fit = sm.OLS(values, np.ones(60)).fit(cov_type="cluster", cov_kwds={"groups": column})
    # its factor is G / (G - 1) (N - 1) / (N - k); here k = 1
    assert variance(values, column) == pytest.approx(fit.cov_params()[0, 0], rel=1e-10)


def test_two_columns_agree_with_statsmodels_up_to_the_scales():
    rng = np.random.default_rng(5)
    first, second = np.repeat(np.arange(12), 8), np.tile(np.arange(8), 12)
    values = rng.normal(size=12)[first] + rng.normal(size=8)[second] + rng.normal(size=96)
    fit = sm.OLS(values, np.ones(96)).fit()
    _, one, other = cov_cluster_2groups(fit, first, second, use_correction=False)
    # of one image each: (white) sum z^2 / N^2
    both = (fit.resid**2).sum() / 96**2
    expected = 12 / 11 * one[0, 0] + 8 / 7 * other[0, 0] - 96 / 95 * both
    assert variance(values, first, second) == pytest.approx(expected, rel=1e-10)
    assert Clusters(96, [first, second]).freedom == pytest.approx(7)


def test_two_columns_never_fall_below_one_column_or_none():
    rng = np.random.default_rng(0)
    first, second = np.repeat(np.arange(6), 6), np.tile(np.arange(6), 6)
    for _ in range(50):
        values = rng.normal(size=36)
        least = max(variance(values), variance(values, first), variance(values, second))
        assert variance(values, first, second) >= least


@pytest.mark.parametrize("columns", [(12,), (12, 9)])
def test_the_variance_is_unbiased_for_groups_that_move_together(columns):
    rng = np.random.default_rng(1)
    groups = [
        rng.choice(number, 200, p=np.arange(1, number + 1) / sum(range(number + 1)))
        for number in columns
    ]
    sizes = [
        np.bincount(group, minlength=number) for group, number in zip(groups, columns, strict=True)
    ]
    truth = sum((n / 200) @ (n / 200) for n in sizes)  # group sd 1, no other noise
    values = sum(
        rng.normal(size=(4000, len(size)))[:, group]
        for size, group in zip(sizes, groups, strict=True)
    )
    clusters = Clusters(200, groups)
    found = [clusters.covariances(values[at : at + 1])[0, 0, 0] for at in range(4000)]
    # within three standard errors of the simulation, and what two columns' intersection takes away
    error = np.std(found) / 4000**0.5
    assert abs(np.mean(found) - truth) < 3 * error + (0.1 * truth if len(columns) == 2 else 0)


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        ([np.zeros(4)], "a single group"),
        ([np.arange(3)], "shape \\(3,\\)"),
        ([np.arange(4)] * 3, "two columns at most"),
    ],
)
def test_columns_of_no_use_are_named(columns, part):
    with pytest.raises(InputError, match=part):
        Clusters(4, columns).check()
