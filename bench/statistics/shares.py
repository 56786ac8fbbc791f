"""How much of what tells one run from another is the architecture, the loss, both, or the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.statistics.arrays import Labels, Values
from bench.statistics.draws import DRAWS, deviations
from bench.statistics.factors import indicators, projector
from bench.statistics.panel import Panel, SeedVariances

ROUNDING = 1e-20  # of squares of means: what is below is no effect
TAILS = (0.025, 0.975)


@dataclass(frozen=True)
class Share:
    """A share in [0, 1] and its 95 % interval."""

    estimate: float
    low: float
    high: float


def shares_of_a_run(
    panel: Panel,
    architectures: Labels,
    losses: Labels,
    seeds: SeedVariances,
    generator: np.random.Generator,
) -> dict[str, Share]:
    """Return the shares of the variance among runs: architecture, loss, interaction, seed.

    A run is a row with one seed; its figure is the mean over the images. The rows' architectures
    and losses are taken as they are, not as draws from others (fixed effects): a source's variance
    is the mean square of its effects over the rows, less what noise alone would give. The seed's is
    the mean of the variances of those rows that have several seeds. On an incomplete grid the
    effects are those of least squares.

    The interval holds what other seeds and images would give: percentiles over draws of the rows'
    means, of which the noise is taken off that they have twice, and of the variances.

    Args:
        panel: the values.
        architectures: (C,) of each row.
        losses: (C,) of each row.
        seeds: variances between seeds, of which each row needs some degrees of freedom; at least
            one row has several seeds.
        generator: of the draws.
    """
    one, other = indicators(architectures), indicators(losses)
    both = projector(one, other)
    projectors = {
        "architecture": both - projector(other),
        "loss": both - projector(one),
        "interaction": np.eye(len(both)) - both,
    }
    noise = panel.image_covariance + np.diag(seeds.variance / panel.seed_counts)
    drawn = panel.means + deviations(panel, seeds, generator)
    several = panel.seed_counts > 1  # a row of one seed tells nothing of the seed's variance
    own, residual = panel.seeds.variance[several], panel.residual_variances[several].mean()
    each = own**2 / panel.seeds.freedom[several]
    freedom = own.sum() ** 2 / each.sum() if own.any() else 1.0
    by_chance = freedom / generator.chisquare(freedom, DRAWS)
    found = {
        name: _mean_square(panel.means[None], kept, noise) for name, kept in projectors.items()
    } | {"seed": np.maximum([own.mean() - residual], 0.0)}
    again = {name: _mean_square(drawn, kept, 2 * noise) for name, kept in projectors.items()} | {
        "seed": np.maximum(own.mean() * by_chance - residual, 0.0)
    }
    shares, others = _as_shares(found), _as_shares(again)
    return {
        name: Share(float(shares[name][0]), *map(float, np.quantile(others[name], TAILS)))
        for name in found
    }


def _mean_square(means: Values, kept: Values, noise: Values) -> Values:
    """The mean squares (draws,) of what is kept of means (draws, C), less those of noise."""
    squares = ((means @ kept) * means).sum(axis=1) - np.trace(kept @ noise)
    squares[squares < ROUNDING * (means**2).sum(axis=1)] = 0.0
    above: Values = squares / len(kept)
    return above


def _as_shares(parts: dict[str, Values]) -> dict[str, Values]:
    total = np.sum(list(parts.values()), axis=0)
    return {name: part / np.where(total > 0, total, 1.0) for name, part in parts.items()}
