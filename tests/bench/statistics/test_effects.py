import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from simulated_grids import ARCHITECTURES, LOSSES, grid
from simulated_worlds import World

from bench.errors import InputError
from bench.statistics.effects import best_within, marginal_effects
from bench.statistics.intervals import contrast


def test_a_marginal_effect_is_the_mean_of_its_rows_less_the_grand_mean():
    panel = grid(np.random.default_rng(0))
    found = marginal_effects(panel, LOSSES, ARCHITECTURES)
    for loss, interval in found.items():
        expected = panel.means[loss == LOSSES].mean() - panel.means.mean()
        assert interval.estimate == pytest.approx(expected)
        weights = (loss == LOSSES) / 3 - 1 / 9
        # three intervals share the 5 %
        alone = contrast(panel, weights, level=1 - 0.05 / 3)
        assert interval.half_width == pytest.approx(alone.half_width, rel=1e-9)


def test_on_an_incomplete_grid_a_marginal_effect_is_that_of_least_squares():
    kept = np.array([True] * 8 + [False])
    panel = grid(np.random.default_rng(0), ARCHITECTURES[kept], LOSSES[kept])
    found = marginal_effects(panel, LOSSES[kept], ARCHITECTURES[kept])
    table = pd.DataFrame({"y": panel.means, "a": ARCHITECTURES[kept], "l": LOSSES[kept]})
    fit = smf.ols("y ~ C(a) + C(l, Sum)", table).fit()
    assert found["x"].estimate == pytest.approx(fit.params["C(l, Sum)[S.x]"])
    assert found["y"].estimate == pytest.approx(fit.params["C(l, Sum)[S.y]"])


def test_effects_that_rows_cannot_tell_apart_are_named():
    diagonal = [0, 4, 8]
    panel = grid(np.random.default_rng(0), ARCHITECTURES[diagonal], LOSSES[diagonal])
    with pytest.raises(InputError, match="cannot be told apart"):
        marginal_effects(panel, LOSSES[diagonal], ARCHITECTURES[diagonal])


def test_the_best_within_each_group():
    panel = World(means=(0, 50, 100, 100, 50, 0), seeds=5).panel(np.random.default_rng(0))
    groups = np.array(["unet"] * 3 + ["deeplab"] * 3)
    found = best_within(panel, groups, np.random.default_rng(0))
    assert list(found["unet"].in_best_set) == [False, False, True, False, False, False]
    assert list(found["deeplab"].low) == [0, 0, 0, 1, 2, 3]
