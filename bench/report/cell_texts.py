"""What stands in the cells of a leaderboard's table, as plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.report.columns import Column, Estimate
from bench.report.marks import ONE_SEED
from bench.report.row import Row

NOTHING = "—"
DIGITS = 2  # that a cost shows at least, however small it is
MOST_DIGITS = 6  # that the decimals of a score fill up, however large it is


def seeds(row: Row) -> str:
    """Return how many seeds are complete, and of how many where some are not."""
    return str(row.seeds) if row.is_ranked else f"{row.seeds} of {row.asked}"


def rank(row: Row, column: Column) -> str:
    """Return the ranks that a row may have in a column, and the letters of its ties."""
    estimate = row.figures.get(column.key)
    if estimate is None or estimate.rank is None:
        return NOTHING
    low, high = estimate.rank
    return f"{low if low == high else f'{low}-{high}'} {estimate.letters}".rstrip()


def figure(row: Row, column: Column) -> str:
    """Return a figure with its spread and what of its seeds is amiss; an em dash without one."""
    estimate = row.figures.get(column.key)
    if estimate is None:
        return NOTHING
    shown = " ± ".join(mean_and_spread(estimate, column))
    if estimate.interval is not None and estimate.interval.of_checkpoint:
        shown += f" {ONE_SEED}"
    if estimate.lacking:
        shown += f" ({estimate.lacking} seeds without)"
    if estimate.collapsed:
        some, of = estimate.collapsed < estimate.finished, estimate.finished
        shown += f" ({estimate.collapsed} of {of} collapsed)" if some else " (collapsed)"
    return shown


def mean_and_spread(estimate: Estimate, column: Column) -> list[str]:
    """Return a figure and, if that is known, half of its 95 % interval."""
    if not column.is_score:
        return [cost(estimate.mean, column.decimals)]
    known = [estimate.mean]
    if estimate.interval is not None:
        known.append(estimate.interval.half_width)
    return score(known, column.decimals)


def score(values: Sequence[float], decimals: int) -> list[str]:
    """Return a score and its spread with so many decimals, or fewer where the larger one is long.

    Args:
        values: of one metric.
        decimals: the metric's.
    """
    whole = max(len(f"{abs(value):.0f}") for value in values)
    decimals = min(decimals, max(0, MOST_DIGITS - whole))
    return [f"{value:.{decimals}f}" for value in values]


def cost(value: float, decimals: int) -> str:
    """Return a cost with so many decimals, or with as many as show two digits of a small one."""
    if value:
        decimals = max(decimals, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"
