"""What it would take to tell the rows apart that cannot be told apart yet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.row import Row
from bench.statistics.intervals import Interval, difference
from bench.statistics.power import Needed, needed


@dataclass(frozen=True)
class OpenPair:
    """Two ranked rows that cannot be told apart.

    Attributes:
        better: the row with the better mean; worse: the other one.
        difference: of their means, by itself.
        needed: how many seeds or images would tell them apart, if it is as it seems.
    """

    better: Row
    worse: Row
    difference: Interval
    needed: Needed


def open_pairs(board: Leaderboard, column: Column) -> list[OpenPair]:
    """Return each pair of ranked rows that share a letter in a column, the best rows first."""
    found = board.analysis(column)
    if found is None:
        return []
    ranking = found.ranking
    places = np.flatnonzero(ranking.ranked)
    order = places[np.argsort(-found.sign * found.panel.means[places], kind="stable")]
    pairs = []
    for number, first in enumerate(order):
        for second in order[number + 1 :]:
            if ranking.better[first, second] or (found.seeds.freedom[[first, second]] == 0).any():
                continue
            pairs.append(
                OpenPair(
                    better=board.rows[found.rows[first]],
                    worse=board.rows[found.rows[second]],
                    difference=difference(found.panel, first, second, found.seeds),
                    needed=needed(
                        found.panel, first, second, seeds=found.seeds, level=found.level_of_a_pair
                    ),
                )
            )
    return pairs
