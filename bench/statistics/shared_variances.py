"""What the other rows tell of a row's variance between seeds, of which few seeds know little."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma, zeta

from bench.statistics.arrays import Flags, Values
from bench.statistics.panel import SeedVariances

LEAST_ROWS = 3


def shared_variances(seeds: SeedVariances, counted: Flags | None = None) -> SeedVariances:
    """Return the variances with what the rows have in common as a prior (Smyth 2004, limma).

    The prior's degrees of freedom are at most those of the other rows together, and half of them
    count, because rows are not the draws of one distribution that it takes them for. No variance
    becomes smaller than the row's own. A row of one seed gets the prior's.

    Args:
        seeds: the rows' own, ``Panel.seeds``.
        counted: (C,) rows that make the prior; leave out those of which a seed collapsed.

    Returns:
        ``seeds`` as they are if fewer than three rows make the prior.
    """
    known = (seeds.freedom > 0) & (seeds.variance > 0)
    if counted is not None:
        known &= counted
    if known.sum() < LEAST_ROWS:
        return seeds
    centre, freedom = _prior(seeds.variance[known], seeds.freedom[known])
    others = seeds.freedom[known].sum() - np.where(known, seeds.freedom, 0.0)
    borrowed = np.minimum(freedom, others) / 2
    total = borrowed + seeds.freedom
    moderated = (borrowed * centre + seeds.freedom * seeds.variance) / total
    return SeedVariances(np.maximum(seeds.variance, moderated), total)


def _prior(variances: Values, freedoms: Values) -> tuple[float, float]:
    """Return the scaled inverse chi-square's s0^2 and d0, by the moments of log s^2."""
    logs = np.log(variances) - digamma(freedoms / 2) + np.log(freedoms / 2)
    excess = logs.var(ddof=1) - zeta(2, freedoms / 2).mean()  # Hurwitz's zeta(2, x) is trigamma(x)
    if excess <= 0:  # the variances differ by no more than chance
        return math.exp(logs.mean()), math.inf
    half = _inverse_trigamma(float(excess))
    return math.exp(logs.mean() + digamma(half) - math.log(half)), 2 * half


def _inverse_trigamma(value: float) -> float:
    """Return x with trigamma(x) = value > 0, by Newton's method for 1 / trigamma (Smyth 2004)."""
    x, step = 0.5 + 1 / value, -math.inf
    while -step > 1e-8 * x:
        trigamma, slope = zeta(2, x), -2 * zeta(3, x)
        step = float(trigamma * (1 - trigamma / value) / slope)
        x += step
    return x
