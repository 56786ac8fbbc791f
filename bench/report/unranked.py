"""Why no row of a board is ranked by a score."""

from __future__ import annotations

from collections import Counter

from bench.report.analysis import Analysis
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.race import ranking_metrics
from bench.report.row import Row

FEWEST_SEEDS = 2


def why_unranked(board: Leaderboard, column: Column) -> str:
    """Return it in words; with several reasons, how many rows each is of.

    Args:
        board: whose rows.
        column: a score by which none of them is ranked.
    """
    found = board.analyses.get(column.key)
    if not isinstance(found, Analysis):
        return found or "it has no values of images"
    if ranking_metrics(board.races) - {column.key}:
        return "a race ranks rows by its own metric alone"
    reasons = Counter(_why(row, column) for row in board.rows)
    if len(reasons) == 1:
        return next(iter(reasons))
    return ", ".join(f"{why} ({rows} of {len(board.rows)} rows)" for why, rows in reasons.items())


def _why(row: Row, column: Column) -> str:
    if not row.is_ranked:
        return "a seed is missing, failed or stale"
    if row.seeds < FEWEST_SEEDS:
        return "a single seed, where two are needed"
    estimate = row.figures.get(column.key)
    if estimate is None or estimate.lacking:
        return "a seed has no figure"
    if estimate.collapsed == row.seeds:
        return "every seed collapsed"
    if estimate.seeds < FEWEST_SEEDS:
        return "all seeds but one collapsed, where two are needed"
    return "values of images cannot be read"
