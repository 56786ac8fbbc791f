"""Shares of what tells runs apart: those that were planted, within intervals that hold them."""

import numpy as np
import pytest

from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.shared_variances import shared_variances
from bench.statistics.shares import shares_of_a_run

ARCHITECTURES = np.repeat(["a", "b", "c", "d"], 4)
LOSSES = np.tile(["k", "l", "m", "n"], 4)


def scaled(effects, size):
    """Effects of mean 0 whose mean square is that of ``size``."""
    effects = effects - effects.mean()
    return effects / np.sqrt((effects**2).mean()) * size


def world(generator, sizes, seeds, images=180):
    """A panel of 16 rows with architecture, loss and seed noise of such sizes, and the shares."""
    by_architecture, by_loss, by_seed = sizes
    means = (
        scaled(generator.normal(size=4), by_architecture)[:, None]
        + scaled(generator.normal(size=4), by_loss)
    ).ravel()
    difficulty = generator.normal(0, 15, images)
    rows = [
        mean
        + difficulty
        + generator.normal(0, 6, images)
        + generator.normal(0, by_seed, (seeds, 1))
        + generator.normal(0, 6, (seeds, images))
        for mean in means
    ]
    total = by_architecture**2 + by_loss**2 + by_seed**2
    truth = {
        "architecture": by_architecture**2 / total,
        "loss": by_loss**2 / total,
        "interaction": 0.0,
        "seed": by_seed**2 / total,
    }
    return Panel(rows), truth


def shares(panel, architectures=ARCHITECTURES, losses=LOSSES):
    return shares_of_a_run(
        panel, architectures, losses, shared_variances(panel.seeds), np.random.default_rng(0)
    )


def test_without_noise_the_shares_are_the_squares_of_the_effects():
    """Two by two: effects of 1 and 2 on either side of the mean, no interaction, no noise."""
    means = np.array([-3.0, 1.0, -1.0, 3.0])  # (-1, 1) by architecture and (-2, 2) by loss
    panel = Panel([np.full((3, 4), mean) for mean in means])
    found = shares(panel, np.array(["a", "a", "b", "b"]), np.array(["k", "l", "k", "l"]))
    assert found["architecture"].estimate == pytest.approx(0.2)
    assert found["loss"].estimate == pytest.approx(0.8)
    assert found["interaction"].estimate == pytest.approx(0, abs=1e-12)
    assert found["seed"].estimate == 0


def test_a_missing_row_leaves_the_shares_to_least_squares():
    means = np.array([-3.0, 1.0, -1.0])
    panel = Panel([np.full((3, 4), mean) for mean in means])
    found = shares(panel, np.array(["a", "a", "b"]), np.array(["k", "l", "k"]))
    # What the other factor cannot explain: sums of squares 2 and 8 of differences 2 and 4.
    assert found["loss"].estimate == pytest.approx(4 * found["architecture"].estimate)


@pytest.mark.parametrize("sizes", [(2.0, 6.0, 3.0), (0.01, 0.01, 3.0), (5.0, 1.0, 1.0)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_the_intervals_hold_the_planted_shares(sizes, seeds):
    """In 24 worlds, four shares each: at most 11 of 96 misses have a chance of 1 in 200 at 95 %."""
    generator = np.random.default_rng([seeds, int(10 * sizes[0])])
    missed = 0
    for _ in range(24):
        panel, truth = world(generator, sizes, seeds)
        found = shares(panel)
        missed += sum(
            not found[name].low - 1e-9 <= share <= found[name].high for name, share in truth.items()
        )
    assert missed <= 11


def test_the_same_values_give_the_same_shares():
    panel, _ = world(np.random.default_rng(3), (2.0, 6.0, 3.0), 3)
    assert shares(panel) == shares(panel)


def test_a_row_of_one_seed_tells_nothing_of_the_share_of_the_seed():
    """Two by two, effects of 10 by architecture alone, seeds at 1 on either side of the mean."""
    rows = [np.array([[mean - 1], [mean + 1]]) * np.ones(4) for mean in (-10.0, -10.0, 10.0, 10.0)]
    rows[3] = np.full((1, 4), 10.0)
    found = shares_of_a_run(
        Panel(rows),
        np.array(["a", "a", "b", "b"]),
        np.array(["k", "l", "k", "l"]),
        SeedVariances(np.full(4, 2.0), np.full(4, 3.0)),
        np.random.default_rng(0),
    )
    architecture = 10**2 - (1 + 1 + 1 + 2) / 4 / 4  # less what the noise of four means makes of it
    assert found["seed"].estimate == pytest.approx(2 / (2 + architecture))
