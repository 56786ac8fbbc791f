"""How far an estimate may lie from the truth where two sources of chance add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.special import erf, gammainccinv, gammaincinv

from bench.statistics.arrays import Values

NODES, WEIGHTS = np.polynomial.legendre.leggauss(80)  # half-widths: to 1e-6 up to level 0.999
BEYOND = 1e-15  # the probability that is left out at either end


@dataclass(frozen=True)
class Spread:
    """The distribution of sqrt(U) t_nu + sqrt(V) t_kappa, two independent Student's t.

    This is the Behrens-Fisher distribution: unlike Satterthwaite's single t it stays honest where a
    variance is known from two or three seeds.

    Attributes:
        seed_variance: U; 0 if seeds are no source of chance.
        seed_freedom: nu, positive.
        image_variance: V.
        image_freedom: kappa, positive.
    """

    seed_variance: float
    seed_freedom: float
    image_variance: float
    image_freedom: float

    @property
    def variance(self) -> float:
        """U + V: the square of the standard error."""
        return self.seed_variance + self.image_variance

    def within(self, distance: float) -> float:
        """Return the probability to lie at most ``distance`` from the truth."""
        if not self.variance:
            return float(distance > 0)
        return float(self._weights @ erf(distance * self._precisions))

    def at_most_within(self, distance: float) -> float:
        """Return a bound on `within` that takes no time: no t lies nearer than its normal.

        By Jensen's inequality, as erf is concave and E[sqrt(chi-square / freedom)] is at most 1.
        """
        largest = max(self.seed_variance, self.image_variance)
        return math.erf(distance / math.sqrt(2 * largest)) if largest else float(distance > 0)

    def half_width(self, level: float) -> float:
        """Return the distance within which the estimate lies with probability ``level``."""
        if not self.variance:
            return 0.0
        # Newton's method: ``within`` is concave, so that from 0 it never steps too far.
        half, step = 0.0, math.inf
        while step > 1e-12 * half:
            density = np.exp(-((half * self._precisions) ** 2)) * self._precisions
            slope = 2 / math.sqrt(math.pi) * float(self._weights @ density)
            step = (level - self.within(half)) / slope
            half += step
        return half

    @cached_property
    def _mixture(self) -> tuple[Values, Values]:
        """Normal distributions whose mixture this is: 1 / sqrt(2 variance) and weight of each."""
        seeds, seed_weights = _variances_of_t(self.seed_freedom)
        images, image_weights = _variances_of_t(self.image_freedom)
        variances = self.seed_variance * seeds[:, None] + self.image_variance * images
        weights = seed_weights[:, None] * image_weights
        return 1 / np.sqrt(2 * variances).ravel(), weights.ravel()

    @property
    def _precisions(self) -> Values:
        return self._mixture[0]

    @property
    def _weights(self) -> Values:
        return self._mixture[1]


@lru_cache(maxsize=1024)
def _variances_of_t(freedom: float) -> tuple[Values, Values]:
    """Return freedom / chi-square at Gauss-Legendre nodes, and their weights, which sum to 1.

    The nodes are those of chi's fourth root: that brings enough of them near 0, where the tails of
    t with one or two degrees of freedom come from.
    """
    low = (2 * gammaincinv(freedom / 2, BEYOND)) ** 0.125
    high = (2 * gammainccinv(freedom / 2, BEYOND)) ** 0.125
    root = low + (high - low) * (NODES + 1) / 2
    chi = root**4
    log_density = (freedom - 1) * np.log(chi) - chi**2 / 2 + 3 * np.log(root)
    density = WEIGHTS * np.exp(log_density - log_density.max())
    return freedom / chi**2, density / density.sum()
