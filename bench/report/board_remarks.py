"""All that is wrong with a board, a line for each cause."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.leaderboard import Leaderboard


def board_remarks(board: Leaderboard, *, most: int | None = None) -> Iterator[str]:
    """Give each remark once, followed by the rows or networks that it is about.

    Args:
        board: whose.
        most: how many rows a line names, the best first; None for all.
    """
    about: dict[str, list[str]] = {}
    for row in (*board.rows, *board.baselines):
        for remark in row.notes:
            about.setdefault(remark.text, []).append(f"{row.title} ({remark.which})")
    for measured in board.timed:
        for problem in measured.problems:
            about.setdefault(f"throughput: {problem}", []).append(measured.case.label)
    for text, rows in about.items():
        shown = rows[:most]
        more = f"; and {len(rows) - len(shown)} more" if len(shown) < len(rows) else ""
        yield f"{text}: {'; '.join(shown)}{more}"
    yield from board.remarks
