"""The marks beside figures, and what they mean."""

from __future__ import annotations

from bench.report.leaderboard import Leaderboard

BELOW_BASELINE = "▼"
STALE = "†"


def explained(board: Leaderboard) -> list[str]:
    """Return a sentence on each mark that stands on a board."""
    lines = {
        f"{BELOW_BASELINE}: no better than a trivial baseline": True,
        f"{STALE}: stale, its code, weights or data have changed since": any(
            row.is_stale for row in board.rows
        ),
        "Rows of which seeds are missing are not ranked": not all(
            row.is_ranked for row in board.rows
        ),
    }
    return [line for line, applies in lines.items() if applies]
