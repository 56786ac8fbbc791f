"""What each loss and each architecture of a grid adds to a metric, and which are the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.errors import InputError
from bench.statistics.arrays import Labels
from bench.statistics.factors import indicators, projector, rank_of
from bench.statistics.intervals import Interval, contrast
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.ranks import Ranking, rank


def marginal_effects(
    panel: Panel,
    levels: Labels,
    others: Labels,
    *,
    seeds: SeedVariances | None = None,
    level: float = 0.95,
) -> dict[Any, Interval]:
    """Return how much each level of a factor differs from the mean of all levels.

    All intervals hold together with the probability ``level`` (Bonferroni). On an incomplete grid
    the effects are those of least squares, freed from what the other factor explains.

    Args:
        panel: the values.
        levels: (C,) the factor's level of each row, such as its loss.
        others: (C,) the other factor's, such as its architecture.
        seeds: variances between seeds to use instead of the rows' own.
        level: the confidence.

    Raises:
        InputError: if the rows cannot tell the two factors apart.
    """
    own, rest = indicators(levels), indicators(others)
    number = own.shape[1]
    if rank_of(projector(own, rest)) != number + rest.shape[1] - 1:
        raise InputError(
            "the effects of architectures and losses cannot be told apart: the rows need"
            " architectures with several losses, and losses with several architectures"
        )
    effects = np.linalg.pinv(np.hstack([own, rest]))[:number]
    weights = effects - effects.mean(axis=0)
    each = 1 - (1 - level) / number
    names = np.unique(levels).tolist()
    return {
        name: contrast(panel, row, each, seeds) for name, row in zip(names, weights, strict=True)
    }


def best_within(
    panel: Panel,
    groups: Labels,
    generator: np.random.Generator,
    *,
    seeds: SeedVariances | None = None,
    higher_is_better: bool = True,
) -> dict[Any, Ranking]:
    """Return a ranking of the rows of each group by itself, such as the losses of an architecture.

    Within a group all statements hold together with 95 %, over the groups each for itself.
    """
    return {
        name: rank(
            panel, generator, seeds=seeds, rows=groups == name, higher_is_better=higher_is_better
        )
        for name in np.unique(groups).tolist()
    }
