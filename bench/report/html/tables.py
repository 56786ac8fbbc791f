"""What a board says besides its leaderboard, as tables: speeds, best losses, other trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.beside import joint_and_single, other_splits
from bench.report.leaderboard import Leaderboard
from bench.report.plain_table import PlainTable
from bench.report.sources import best_losses_table, crosses
from bench.report.speeds import NetworkSpeeds, how_timed, network_speeds


@dataclass(frozen=True)
class TimedTable:
    """How fast the networks are on a machine.

    Attributes:
        title: what is shown.
        networks: their speeds, by the reference's label.
        how: on what, how, and beside which reference it was measured.
        problems: what failed or is withheld, of which network.
    """

    title: str
    networks: dict[str, list[NetworkSpeeds]]
    how: list[str]
    problems: list[str]


def timed_tables(board: Leaderboard) -> list[TimedTable]:
    """Return the speeds on each machine that networks were timed on, the board's own first."""
    elsewhere = {f"On {name}": timed for name, timed in board.timed_elsewhere.items()}
    return [
        TimedTable(
            title=title,
            networks=network_speeds(timed),
            how=how_timed(timed),
            problems=[f"{one.case.label}: {problem}" for one in timed for problem in one.problems],
        )
        for title, timed in ({"Throughput": board.timed} | elsewhere).items()
        if timed
    ]


def best_losses(board: Leaderboard) -> list[PlainTable]:
    """Return for each score the best losses of each architecture, where that can be told."""
    return [best_losses_table(cross, column) for column, cross in crosses(board)]


def beside(board: Leaderboard, boards: Sequence[Leaderboard]) -> list[PlainTable]:
    """Return how both tasks at once compare with one alone, and this split with others."""
    return [*joint_and_single(board), *other_splits(board, boards)]
