"""How many seeds or images would tell two rows apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaincinv, nctdtr

from bench.errors import InputError
from bench.statistics.arrays import Counts, Values
from bench.statistics.intervals import difference
from bench.statistics.panel import Panel, SeedVariances
from bench.statistics.spread import Spread

MOST_SEEDS = 1000
MOST_IMAGES = 10**7
TAIL = 0.1  # of the chi-square distribution at either end: a range of 80 %

Range = tuple[int | None, int | None]


@dataclass(frozen=True)
class Needed:
    """The fewest and the most that may be needed: the variances are not known any better.

    Attributes:
        seeds: of each row, on the images at hand; None: not even a thousand suffice.
        images: with the seeds at hand; None: no number suffices, because the seeds differ too much.
    """

    seeds: Range
    images: Range


def power(distance: float, spread: Spread, level: float = 0.95) -> float:
    """Return the probability that an interval of such a spread excludes 0, by the noncentral t.

    Args:
        distance: the true difference, positive.
        spread: of the estimated difference.
        level: of the interval.
    """
    if not spread.variance:
        return float(distance > 0)
    error = math.sqrt(spread.variance)
    freedom = spread.variance**2 / (
        spread.seed_variance**2 / spread.seed_freedom
        + spread.image_variance**2 / spread.image_freedom
    )
    critical = spread.half_width(level) / error
    return 1 - float(nctdtr(freedom, distance / error, critical))


def needed(
    panel: Panel,
    row: int,
    other: int,
    *,
    distance: float | None = None,
    seeds: SeedVariances | None = None,
    asked: float = 0.8,
    level: float = 0.95,
) -> Needed:
    """Return how many seeds, or how many images, would tell two rows apart.

    Args:
        panel: the values at hand.
        row: one row.
        other: the other one.
        distance: the true difference to assume; by default the one that was found.
        seeds: variances between seeds to use instead of the rows' own.
        asked: the probability to tell them apart.
        level: of the interval that has to exclude 0.

    Raises:
        InputError: if nothing is known of a row's variance between seeds.
    """
    seeds = seeds or panel.seeds
    pair = [row, other]
    if (seeds.freedom[pair] == 0).any():
        raise InputError(
            "how many seeds are needed can be told of rows with two seeds at least, not of one"
        )
    found = difference(panel, row, other, seeds)
    distance = abs(found.estimate if distance is None else distance)
    residual = panel.residual_variances[pair]
    between = np.maximum(seeds.variance[pair] - residual, 0.0)
    fewest, most = (
        _Pair(
            between=between * _factor(found.spread.seed_freedom, tail),
            residual=residual * _factor(found.spread.seed_freedom, tail),
            image=found.spread.image_variance * _factor(found.spread.image_freedom, tail),
            image_freedom=found.spread.image_freedom,
            counts=panel.seed_counts[pair],
            freedoms=seeds.freedom[pair],
            images=panel.images,
        ).needed(distance, asked, level)
        for tail in (1 - TAIL, TAIL)
    )
    return Needed((fewest[0], most[0]), (fewest[1], most[1]))


def _factor(freedom: float, tail: float) -> float:
    """Return by how much a true variance may be greater than the estimated one."""
    return freedom / (2 * float(gammaincinv(freedom / 2, tail)))


@dataclass(frozen=True, eq=False)
class _Pair:
    """What makes the difference of two rows uncertain, if these are the true variances.

    Attributes:
        between: (2,) between seeds, on ever more images.
        residual: (2,) what the images at hand add to it.
        image: of the difference, on the images at hand.
        image_freedom: its degrees of freedom.
        counts: (2,) seeds at hand.
        freedoms: (2,) degrees of freedom of their variances.
        images: the images at hand.
    """

    between: Values
    residual: Values
    image: float
    image_freedom: float
    counts: Counts
    freedoms: Values
    images: int

    def needed(self, distance: float, asked: float, level: float) -> tuple[int | None, int | None]:
        """Return the fewest seeds, and the fewest images, whose power is as asked."""

        def with_seeds(number: int) -> bool:
            spread = self._spread(number, number - 1.0, self.images)
            return power(distance, spread, level) >= asked

        def with_images(number: int) -> bool:
            spread = self._spread(self.counts, self.freedoms, number)
            return power(distance, spread, level) >= asked

        return _fewest(with_seeds, MOST_SEEDS), _fewest(with_images, MOST_IMAGES)

    def _spread(self, counts: Counts | int, freedoms: Values | float, images: int) -> Spread:
        """Return the spread of the difference with other numbers of seeds and images."""
        more = images / self.images
        parts = (self.between + self.residual / more) / counts
        total = float(parts.sum())
        freedom = total**2 / float((parts**2 / freedoms).sum()) if total else 1.0
        return Spread(total, freedom, self.image / more, self.image_freedom * more)


def _fewest(suffices: Callable[[int], bool], most: int) -> int | None:
    """Return the least number, from 2, that suffices; None if ``most`` does not."""
    if suffices(2):
        return 2
    if not suffices(most):
        return None
    too_few, enough = 2, most
    while enough - too_few > 1:
        middle = min(max(math.isqrt(too_few * enough), too_few + 1), enough - 1)
        too_few, enough = (too_few, middle) if suffices(middle) else (middle, enough)
    return enough
