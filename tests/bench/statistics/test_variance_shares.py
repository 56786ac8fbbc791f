import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from simulated_grids import ARCHITECTURES, LOSSES, SOURCES, TRUTH, grid, row_means, scores
from simulated_worlds import World
from statsmodels.stats.anova import anova_lm

from bench.errors import InputError
from bench.statistics.panel import Panel
from bench.statistics.variance_shares import _between, variance_shares


def shares_of(panel, architectures=ARCHITECTURES, losses=LOSSES):
    return variance_shares(panel, architectures, losses, np.random.default_rng(0))


def as_table(panel):
    return pd.DataFrame(
        [
            {"a": a, "l": loss, "i": i, "row": a + loss, "run": f"{a}{loss}{s}", "y": value}
            for row, a, loss in zip(panel.rows, ARCHITECTURES, LOSSES, strict=True)
            for (s, i), value in np.ndenumerate(row)
        ]
    )


def test_a_complete_grid_agrees_with_the_analysis_of_variance_of_statsmodels():
    panel = grid(np.random.default_rng(0))
    found = shares_of(panel)
    table = as_table(panel)
    of_rows = anova_lm(smf.ols("y ~ C(a) * C(l)", table).fit())["mean_sq"]
    seeds, number, rows = 3, 8, 9
    by_row, by_run = (smf.ols(f"y ~ C({what})", table).fit() for what in ("row", "run"))
    runs = (by_row.ssr - by_run.ssr) / (rows * (seeds - 1))
    images = anova_lm(smf.ols("y ~ C(row) * C(i)", table).fit())["mean_sq"]
    own = images["C(row):C(i)"]
    # what the model without runs leaves is of runs and of the residual
    left = smf.ols("y ~ C(row) * C(i)", table).fit().ssr - (by_row.ssr - by_run.ssr)
    residual = left / (rows * (seeds - 1) * (number - 1))
    noise = runs + own - residual
    assert found.complete
    assert found.components == pytest.approx(
        {
            "architecture": (of_rows["C(a)"] - of_rows["C(a):C(l)"]) / (3 * seeds * number),
            "loss": (of_rows["C(l)"] - of_rows["C(a):C(l)"]) / (3 * seeds * number),
            "interaction": (of_rows["C(a):C(l)"] - noise) / (seeds * number),
            "seed": (runs - residual) / number,
            "image": (images["C(i)"] - own) / (rows * seeds),
            "image x row": (own - residual) / seeds,
            "residual": residual,
        },
        rel=1e-6,
    )


def test_a_complete_grid_agrees_with_a_mixed_model_of_statsmodels():
    panel = grid(np.random.default_rng(0), seeds=2, images=6)
    found = shares_of(panel)
    assert not found.negative  # where one is, the likelihood's maximum lies at a border
    parts = {
        "architecture": "0 + C(a)",
        "loss": "0 + C(l)",
        "interaction": "0 + C(row)",
        "seed": "0 + C(run)",
        "image": "0 + C(i)",
        "image x row": "0 + C(row):C(i)",
    }
    table = as_table(panel)
    model = smf.mixedlm("y ~ 1", table, groups=np.ones(len(table)), vc_formula=parts)
    fit = model.fit(method="lbfgs")
    expected = dict(zip(fit.model.exog_vc.names, fit.vcomp, strict=True)) | {"residual": fit.scale}
    assert found.components == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("kept", "seeds"), [(slice(None), 3), (slice(1, None), 2), (slice(None, -2), None)]
)
def test_estimates_are_unbiased_on_complete_and_incomplete_grids(kept, seeds, monkeypatch):
    monkeypatch.setattr("bench.statistics.variance_shares.DRAWS", 2)  # the intervals are not asked
    architectures, losses = ARCHITECTURES[kept], LOSSES[kept]
    counts = seeds or [1, 3, 2, 2, 4, 1, 3]
    rng = np.random.default_rng(0)
    found = [
        shares_of(grid(rng, architectures, losses, seeds=counts), architectures, losses).components
        for _ in range(600)
    ]
    for source, truth in TRUTH.items():
        values = [components[source] for components in found]
        assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / 600**0.5)


def test_an_incomplete_grid_is_said_to_be_one():
    panel = grid(np.random.default_rng(0), ARCHITECTURES[1:], LOSSES[1:])
    assert not shares_of(panel, ARCHITECTURES[1:], LOSSES[1:]).complete
    unbalanced = grid(np.random.default_rng(0), seeds=[3] * 8 + [2])
    assert not shares_of(unbalanced, ARCHITECTURES, LOSSES).complete


def test_shares_are_of_the_total_and_nothing_is_negative():
    truth = TRUTH | {"interaction": 0.0, "seed": 0.0}
    for seed in range(20):
        panel = grid(np.random.default_rng(seed), truth=truth)
        found = shares_of(panel)
        assert sum(found.shares.values()) == pytest.approx(1)
        if found.negative:
            break
    assert found.shares[found.negative[0]] == 0
    assert found.components[found.negative[0]] < 0


def test_sources_that_cannot_be_told_apart_are_left_out():
    one_architecture = grid(np.random.default_rng(0), ARCHITECTURES[:3], LOSSES[:3])
    found = shares_of(one_architecture, ARCHITECTURES[:3], LOSSES[:3])
    assert set(SOURCES) - set(found.components) == {"architecture", "interaction"}
    one_seed = grid(np.random.default_rng(0), seeds=1)
    found = shares_of(one_seed, ARCHITECTURES, LOSSES)
    assert set(SOURCES) - set(found.components) == {"seed", "residual"}
    with pytest.raises(InputError, match="one row"):
        shares_of(
            grid(np.random.default_rng(0), ARCHITECTURES[:1], LOSSES[:1]),
            ARCHITECTURES[:1],
            LOSSES[:1],
        )


@pytest.mark.parametrize(
    ("levels", "truth"),
    [
        (3, TRUTH),
        (6, TRUTH | {"interaction": 0.5, "seed": 4.0}),  # less than the noise of the rows' means
    ],
)
def test_the_intervals_hold_the_shares_of_these_architectures_and_losses(
    levels, truth, monkeypatch
):
    monkeypatch.setattr("bench.statistics.variance_shares.DRAWS", 2000)
    rng = np.random.default_rng(0)
    architectures, losses = np.divmod(np.arange(levels**2), levels)
    within = {source: truth[source] for source in SOURCES[3:]}
    held, repeats = dict.fromkeys(SOURCES, 0), 150
    for _ in range(repeats):
        means = row_means(rng, architectures, losses, truth)
        between = _between(means, np.zeros(levels**2), architectures, losses)
        kept = {source: max(part.item(), 0.0) for source, part in between.items()} | within
        panel = scores(rng, means, seeds=2, images=60, truth=truth)
        found = shares_of(panel, architectures, losses)
        for source, part in kept.items():
            low, high = found.intervals[source]
            held[source] += low <= part / sum(kept.values()) <= high
    # 95 %, less three standard errors
    least = 0.95 - 3 * (0.05 * 0.95 / repeats) ** 0.5
    assert min(held.values()) / repeats > least, held


def test_groups_of_images_change_what_is_known_of_rows_not_the_variance_of_a_single_score():
    world = World(means=(0,) * 9, seeds=3, groups=(12,), group_row_sd=5)
    panel = world.panel(np.random.default_rng(0))
    grouped, alone = shares_of(panel).components, shares_of(Panel(panel.rows)).components
    for source in ("image", "image x row", "residual"):
        assert grouped[source] == pytest.approx(alone[source])
    # the noise of rows that differ by chance alone is greater with groups
    assert grouped["interaction"] < alone["interaction"]
