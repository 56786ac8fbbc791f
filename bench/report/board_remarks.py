"""All that is wrong with a board, a line for each cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.report.leaderboard import Leaderboard
from bench.report.row import Row
from bench.study.measurement import Measurement


def board_remarks(
    board: Leaderboard, rows: Sequence[Row], *, most: int | None = None
) -> Iterator[str]:
    """Give each remark once, followed by the rows or networks that it is about.

    Args:
        board: whose.
        rows: of it, trained or not; what is said of others is left out.
        most: how many rows or networks a line names, the first ones; None for all.
    """
    about: dict[str, list[str]] = {}  # by what is said of them
    for row in rows:
        for note in row.notes:
            about.setdefault(note.text, []).append(f"{row.title} ({note.which})")
    for measured in board.timed:
        for problem, where in _problems(measured):
            about.setdefault(f"throughput: {problem}", []).append(where)
    for text, named in about.items():
        shown = named[:most]
        more = f"; and {len(named) - len(shown)} more" if len(shown) < len(named) else ""
        yield f"{text}: {'; '.join(shown)}{more}"
    yield from board.remarks


def _problems(measured: Measurement) -> Iterator[tuple[str, str]]:
    """What is wrong with the speed of a network, and with which of its figures."""
    network = measured.case.label
    yield from ((note, network) for note in measured.notes)
    figures: dict[str, list[str]] = {}
    for figure, why in measured.withheld.items():
        cause, _, detail = why.partition(": ")
        figures.setdefault(cause, []).append(f"{figure}: {detail}")
    yield from ((cause, f"{network} ({', '.join(each)})") for cause, each in figures.items())
