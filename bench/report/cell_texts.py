"""What stands in the cells of a leaderboard's table, as plain text."""

from __future__ import annotations

from bench.report.columns import Column
from bench.report.marks import ONE_SEED
from bench.report.row import Row

NOTHING = "—"


def seeds(row: Row) -> str:
    """Return how many seeds are complete, and of how many where some are not."""
    return str(row.seeds) if row.is_ranked else f"{row.seeds} of {row.asked}"


def rank(row: Row, column: Column) -> str:
    """Return the ranks that a row may have in a column, and the letters of its ties."""
    estimate = row.figures.get(column.key)
    if estimate is None or estimate.rank is None:
        return NOTHING
    low, high = estimate.rank
    return f"{low if low == high else f'{low}-{high}'} {estimate.letters}"


def figure(row: Row, column: Column) -> str:
    """Return a figure with its spread; an em dash where there is none."""
    estimate = row.figures.get(column.key)
    if estimate is None:
        return NOTHING
    shown = f"{estimate.mean:.{column.decimals}f}"
    if estimate.interval is not None:
        shown += f" ± {estimate.interval.half_width:.{column.decimals}f}"
        shown += f" {ONE_SEED}" if estimate.interval.of_checkpoint else ""
    if estimate.lacking:
        shown += f" ({estimate.lacking} seeds without)"
    if estimate.collapsed:
        some = estimate.collapsed < row.seeds
        shown += f" ({estimate.collapsed} of {row.seeds} collapsed)" if some else " (collapsed)"
    return shown
