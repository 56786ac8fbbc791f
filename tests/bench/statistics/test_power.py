import numpy as np
import pytest
from simulated_worlds import World
from statsmodels.stats.power import TTestPower

from bench.errors import InputError
from bench.statistics.intervals import difference
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.power import needed, power
from bench.statistics.spread import Spread

SURE = 1e7  # degrees of freedom with which a variance is known


def test_one_source_agrees_with_statsmodels():
    expected = TTestPower().power(0.5, nobs=20, alpha=0.05)
    assert power(0.5, Spread(0, 1, 1 / 20, 19)) == pytest.approx(expected, abs=1e-4)


def test_power_agrees_with_simulation():
    """Within the four points that the noncentral t is known to be off at five seeds."""
    world = World(means=(3, 0), seeds=5, seed_sd=1.5)
    rng = np.random.default_rng(0)
    found = [difference(world.panel(rng), 0, 1) for _ in range(600)]
    seen = np.mean([interval.low > 0 for interval in found])
    # the true variances: seeds 1.5^2 + 8^2 / 180, images 2 * 4^2 / 180
    spread = Spread(2 * (2.25 + 64 / 180) / 5, 8, 32 / 180, 179)
    assert power(3, spread) == pytest.approx(seen, abs=0.04 + 3 * (0.25 / 600) ** 0.5)


def known(seed_variance):
    """Two rows of three seeds whose variances are known; images differ as 1, -1, 1, ... by row."""
    images = np.tile([1.0, -1.0], 50)
    panel = Panel([np.tile(1 + images, (3, 1)), np.tile(0 * images, (3, 1))])
    return panel, SeedVariances(np.full(2, seed_variance), np.full(2, SURE))


def test_images_needed_by_hand():
    panel, seeds = known(0.0)
    # normal: (1.960 + 0.842)^2 = 7.85 images of variance 1 for a distance of 1; of Student's t 10
    few, many = needed(panel, 0, 1, seeds=seeds).images
    expected = TTestPower().solve_power(1.0, power=0.8, alpha=0.05)  # 9.9
    assert few <= expected + 1
    assert many >= expected - 1
    assert many - few <= 5


def test_seeds_needed_by_hand():
    panel, seeds = known(4.0)
    # a difference of 1, two variances of 4: 2 * 4 * 7.85 = 63 seeds each, and images of 1 / 99
    few, many = needed(panel, 0, 1, seeds=seeds).seeds
    assert 63 <= few <= many <= 75
    assert needed(panel, 0, 1, seeds=seeds, distance=2).seeds[0] < few / 3


def test_no_number_of_images_suffices_where_seeds_differ_too_much():
    panel, seeds = known(4.0)
    assert needed(panel, 0, 1, seeds=seeds).images == (None, None)


def test_more_images_help_where_seeds_differ_by_the_residual_alone():
    panel = World(means=(0, 0), images=50, residual_sd=30).panel(np.random.default_rng(0))
    seeds = SeedVariances(panel.residual_variances, np.full(2, SURE))
    few, many = needed(panel, 0, 1, seeds=seeds, distance=2).images
    # normal: 7.85 times a variance of (2 * 30^2 / 3 + 2 * 4^2) / N, over a distance of 2^2
    assert few < 7.85 * 632 / 4 < 1.3 * few
    assert many > few
    seeds_differ = SeedVariances(panel.residual_variances + 10, np.full(2, SURE))
    assert needed(panel, 0, 1, seeds=seeds_differ, distance=2).images == (None, None)


def test_no_number_of_seeds_suffices_where_images_are_too_few():
    panel, seeds = known(4.0)
    assert needed(panel, 0, 1, seeds=seeds, distance=0.05).seeds == (None, None)


def test_three_seeds_tell_a_range_only():
    panel = World(means=(3, 0), seeds=3, seed_sd=2).panel(np.random.default_rng(1))
    few, many = needed(panel, 0, 1, distance=6).seeds
    assert many > 2 * few


def test_more_seeds_are_needed_for_less():
    panel = World(means=(3, 0), seeds=3, seed_sd=2).panel(np.random.default_rng(1))
    counts = [needed(panel, 0, 1, distance=distance).seeds[0] for distance in (8, 4, 2)]
    assert counts[0] < counts[1] < counts[2]


def test_of_one_seed_nothing_can_be_said():
    panel = World(seeds=(3, 1)).panel(np.random.default_rng(0))
    with pytest.raises(InputError, match="two seeds at least"):
        needed(panel, 0, 1)
