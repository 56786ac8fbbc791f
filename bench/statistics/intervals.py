"""A weighted sum of rows' means, and where it lies with other seeds and other images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.statistics.arrays import Values
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.spread import Spread


@dataclass(frozen=True)
class Interval:
    """An estimate and its confidence interval.

    Attributes:
        estimate: in the metric's unit.
        spread: how far it may lie from the truth.
        level: the confidence, 0 to 1.
        of_checkpoint: whether nothing is known of the seeds of a row: then it holds for these
            trained networks on new images, not for the training recipes.
    """

    estimate: float
    spread: Spread
    level: float = 0.95
    of_checkpoint: bool = False

    @cached_property
    def half_width(self) -> float:
        """Half of the interval's width."""
        return self.spread.half_width(self.level)

    @property
    def low(self) -> float:
        """The interval's lower end."""
        return self.estimate - self.half_width

    @property
    def high(self) -> float:
        """The interval's upper end."""
        return self.estimate + self.half_width

    def excludes(self, value: float) -> bool:
        """Whether ``value`` lies outside of the interval."""
        return not self.low <= value <= self.high

    def probability_above(self, value: float) -> float:
        """Return the probability that the truth is greater than ``value``: 1 minus a p value.

        It is the confidence of the one-sided interval that begins at ``value``.
        """
        distance = self.estimate - value
        return 0.5 + 0.5 * math.copysign(self.spread.within(abs(distance)), distance)

    def at(self, level: float) -> Interval:
        """Return the interval of another confidence."""
        return Interval(self.estimate, self.spread, level, self.of_checkpoint)


def contrast(
    panel: Panel, weights: Values, level: float = 0.95, seeds: SeedVariances | None = None
) -> Interval:
    """Return the interval of a weighted sum of the rows' means.

    It covers other seeds of the same recipes, the same training images, and other test images of
    the groups' population. Images are paired across the rows, seeds are not.

    Args:
        panel: the values.
        weights: (C,), such as 1 and -1 for a difference.
        level: the confidence, 0 to 1.
        seeds: variances to use instead of those of each row by itself (``shared_variances``).
    """
    seeds = seeds or panel.seeds
    parts = weights**2 * seeds.variance / panel.seed_counts
    known = parts > 0
    variance = float(parts.sum())
    freedom = variance**2 / (parts[known] ** 2 / seeds.freedom[known]).sum() if variance else 1.0
    images = float(panel.image_variance(weights))
    return Interval(
        estimate=float(weights @ panel.means),
        spread=Spread(variance, float(freedom), images, panel.clusters.freedom),
        level=level,
        of_checkpoint=bool((seeds.freedom[weights != 0] == 0).any()),
    )


def mean_of(panel: Panel, row: int, seeds: SeedVariances | None = None) -> Interval:
    """Return the 95 % interval of one row's mean."""
    return contrast(panel, np.eye(len(panel.rows))[row], seeds=seeds)


def difference(panel: Panel, row: int, other: int, seeds: SeedVariances | None = None) -> Interval:
    """Return the 95 % interval of one row's mean minus another's."""
    # By the two rows alone: a race of a thousand rows asks for half a million of these.
    seeds, places = seeds or panel.seeds, [row, other]
    parts = seeds.variance[places] / panel.seed_counts[places]
    known = parts > 0
    variance = float(parts.sum())
    squares = (parts[known] ** 2 / seeds.freedom[places][known]).sum()
    freedom = float(variance**2 / squares) if variance else 1.0
    return Interval(
        estimate=float(panel.means[row] - panel.means[other]),
        spread=Spread(
            variance, freedom, panel.image_variance_between(row, other), panel.clusters.freedom
        ),
        of_checkpoint=bool((seeds.freedom[places] == 0).any()),
    )


def independent_difference(one: Interval, other: Interval) -> Interval:
    """Return the interval of one estimate minus another that shares neither seeds nor images.

    The variances of the seeds add up, and so do those of the images; the degrees of freedom of each
    sum are Satterthwaite's (1946).

    Args:
        one: whose level the difference has, too.
        other: what is subtracted.
    """
    ours, theirs = one.spread, other.spread
    return Interval(
        estimate=one.estimate - other.estimate,
        spread=Spread(
            *_sum_of_variances(
                (ours.seed_variance, ours.seed_freedom), (theirs.seed_variance, theirs.seed_freedom)
            ),
            *_sum_of_variances(
                (ours.image_variance, ours.image_freedom),
                (theirs.image_variance, theirs.image_freedom),
            ),
        ),
        level=one.level,
        of_checkpoint=one.of_checkpoint or other.of_checkpoint,
    )


def _sum_of_variances(*known: tuple[float, float]) -> tuple[float, float]:
    """The sum of variances, each with its degrees of freedom, and the freedom of the sum."""
    total = sum(variance for variance, _ in known)
    squares = sum(variance**2 / freedom for variance, freedom in known)
    return total, total**2 / squares if squares else 1.0
