"""What architecture and loss do to a metric, over the ranked rows of a board."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.report.analysis import SEED, Analysis
from bench.report.leaderboard import Leaderboard
from bench.report.race import ranking_metrics
from bench.statistics.effects import best_within, marginal_effects
from bench.statistics.intervals import Interval
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.ranks import Ranking
from bench.statistics.shares import Share, shares_of_a_run
from bench.statistics.variance_shares import VarianceShares, variance_shares

Labels = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Factorial:
    """The ranked rows of a board as a cross of architectures and losses, by one metric.

    Attributes:
        panel: their values, and the variances between their seeds.
        architectures, losses: (C,) of each row.
        higher_is_better: whether more of the metric is better.
    """

    panel: Panel
    seeds: SeedVariances
    architectures: Labels
    losses: Labels
    higher_is_better: bool

    @property
    def is_complete(self) -> bool:
        """Whether every architecture stands with every loss; if not, least squares are taken."""
        return len(self.architectures) == len(set(self.architectures)) * len(set(self.losses))

    def shares_of_a_run(self) -> dict[str, Share]:
        """Return what tells the mean of one run from another's, see `shares_of_a_run`."""
        generator = np.random.default_rng(SEED)
        return shares_of_a_run(self.panel, self.architectures, self.losses, self.seeds, generator)

    def shares_of_a_score(self) -> VarianceShares:
        """Return what tells one image's score of one run from another's, see `variance_shares`."""
        generator = np.random.default_rng(SEED)
        return variance_shares(self.panel, self.architectures, self.losses, generator)

    def effects(self, factor: str) -> dict[Any, Interval]:
        """Return how far each architecture, or each loss, is from the mean of all; none if untold.

        Args:
            factor: architecture or loss.
        """
        factors = (self.architectures, self.losses)
        levels, others = factors if factor == "architecture" else factors[::-1]
        try:
            return marginal_effects(self.panel, levels, others, seeds=self.seeds)
        except InputError:
            return {}

    def best_losses(self) -> dict[str, list[str]]:
        """Return for each architecture the losses that none is certainly better than."""
        rankings: dict[Any, Ranking] = best_within(
            self.panel,
            self.architectures,
            np.random.default_rng(SEED),
            seeds=self.seeds,
            higher_is_better=self.higher_is_better,
        )
        return {
            name: self.losses[ranking.in_best_set].tolist() for name, ranking in rankings.items()
        }


def factorial(board: Leaderboard, found: Analysis) -> Factorial | None:
    """Return the cross of the ranked rows; None where it has one architecture or loss only.

    Nor is there one of a raced board, whose ranked rows were chosen by their figures.
    """
    places = np.flatnonzero(found.ranking.ranked)
    rows = [board.rows[found.rows[place]] for place in places]
    architectures = np.array([row.architecture for row in rows], dtype=np.str_)
    losses = np.array([row.loss or "" for row in rows], dtype=np.str_)
    if len(set(architectures)) == 1 or len(set(losses)) == 1 or not rows:
        return None
    if ranking_metrics(board.races):
        return None
    seeds = replace(
        found.seeds,
        variance=found.seeds.variance[places],
        freedom=found.seeds.freedom[places],
    )
    return Factorial(
        panel=found.panel.of_rows(places),
        seeds=seeds,
        architectures=architectures,
        losses=losses,
        higher_is_better=found.contract.higher_is_better,
    )
