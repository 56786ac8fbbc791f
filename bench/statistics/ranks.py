"""Which rows differ when all are compared at once: ranks, letters and the best ones."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from bench.statistics.arrays import Counts, Flags
from bench.statistics.draws import DRAWS, deviations
from bench.statistics.letters import compact_letters
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.shared_variances import shared_variances

LEAST_BORROWED = 3  # degrees of freedom with which a row of one seed can be ranked


@dataclass(frozen=True, eq=False)
class Ranking:
    """What a comparison of all rows with each other says; any false difference has 1 - level.

    Attributes:
        ranked: (C,) whether a row is compared; the others have no letters and rank 0.
        better: (C, C) whether row j is significantly better than row k.
        low: (C,) the best rank that a row may have; 1 is the best of all.
        high: (C,) the worst rank that it may have.
        letters: of each row, see `compact_letters`.
        critical: how many standard errors a difference must have.
    """

    ranked: Flags
    better: Flags
    low: Counts
    high: Counts
    letters: tuple[str, ...]
    critical: float

    @property
    def in_best_set(self) -> Flags:
        """(C,) whether a row is ranked and no row is significantly better."""
        first: Flags = self.low == 1
        return first


def rank(
    panel: Panel,
    generator: np.random.Generator,
    *,
    seeds: SeedVariances | None = None,
    rows: Flags | None = None,
    higher_is_better: bool = True,
    level: float = 0.95,
) -> Ranking:
    """Compare all rows with each other, so that all statements hold together.

    Args:
        panel: the values.
        generator: of the draws.
        seeds: variances between seeds; by default those that the rows share.
        rows: (C,) the rows to compare; by default all. Of them, a row of one seed is compared only
            if it can borrow at least three degrees of freedom.
        higher_is_better: whether a greater mean is better.
        level: the probability that no statement is false.
    """
    seeds = seeds or shared_variances(panel.seeds)
    ranked = (panel.seed_counts > 1) | (seeds.freedom >= LEAST_BORROWED)
    if rows is not None:
        ranked &= rows
    places = np.flatnonzero(ranked)
    drawn = deviations(panel, seeds, generator, None if ranked.all() else places)
    by_row = dict(zip(places, np.ascontiguousarray(drawn.T), strict=True))
    by_seed = seeds.variance / panel.seed_counts
    errors = np.sqrt(by_seed[:, None] + by_seed + panel.image_variances_of_differences)
    greatest = np.zeros(DRAWS)
    for first, second in itertools.combinations(places, 2):
        if errors[first, second] > 0:
            distance = np.abs(by_row[first] - by_row[second]) / errors[first, second]
            np.maximum(greatest, distance, out=greatest)
    critical = float(np.quantile(greatest, level))
    goodness = panel.means if higher_is_better else -panel.means
    ahead = goodness[:, None] - goodness
    better = (ahead > critical * errors) & ranked & ranked[:, None]
    low = np.where(ranked, 1 + better.sum(axis=0), 0)
    high = np.where(ranked, ranked.sum() - better.sum(axis=1), 0)
    order = places[np.argsort(-goodness[places], kind="stable")]
    letters = compact_letters(better, [int(place) for place in order])
    return Ranking(ranked, better, low, high, letters, critical)
