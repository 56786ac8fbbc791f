"""Where a proportion lies of which k of n cases are known (Clopper and Pearson 1934)."""

from __future__ import annotations

from scipy.special import betaincinv


def clopper_pearson(cases: int, of: int, level: float = 0.95) -> tuple[float, float]:
    """Return the two-sided interval, which holds the truth in at least ``level`` of all samples."""
    tail = (1 - level) / 2
    low = float(betaincinv(cases, of - cases + 1, tail)) if cases else 0.0
    return low, upper_bound(cases, of, 1 - tail)


def upper_bound(cases: int, of: int, level: float = 0.95) -> float:
    """Return what the proportion does not exceed, in at least ``level`` of all samples."""
    return float(betaincinv(cases + 1, of - cases, level)) if cases < of else 1.0
