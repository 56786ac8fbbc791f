"""Which rows still need seeds: a row that is surely not the best gets no more of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.statistics.arrays import Counts, Flags
from bench.statistics.intervals import difference
from bench.statistics.panel import Panel
from bench.statistics.shared_variances import shared_variances

LOOKS = (2, 3, 5, 7, 10)


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided at one look.

    Attributes:
        seeds: how many seeds each row of the race had.
        error: the probability, spent at this look, that the best row is put out.
        racing: (C,) the rows that go on.
        beaten_by: (C,) for a row that is put out here the row that beats it, else -1.
    """

    seeds: int
    error: float
    racing: Flags
    beaten_by: Counts


def looks_of(seeds: int) -> tuple[int, ...]:
    """Return after how many seeds a race of at most ``seeds`` is looked at."""
    return (*(look for look in LOOKS if look < seeds), seeds)


def still_racing(
    panel: Panel,
    racing: Flags,
    looks: Sequence[int],
    look: int,
    *,
    higher_is_better: bool = True,
    error: float = 0.05,
) -> Decision:
    """Put those rows out that are worse than another one of the race.

    The error is shared among the looks in proportion to the seeds that each adds, and at a look
    among the comparisons that the best row has to pass: the best row of all is put out at any look
    with at most the probability ``error`` (union bound).

    Args:
        panel: all rows; those of the race with the seeds up to this look.
        racing: (C,) the rows that are in the race.
        looks: after how many seeds there is a look, ascending.
        look: which one this is, from 0.
        higher_is_better: whether a greater mean is better.
        error: of the whole race.
    """
    added = looks[look] - (looks[look - 1] if look else 0)
    spent = error * added / looks[-1]
    least = 1 - 2 * spent / max(len(racing) - 1, 1)  # of both sides, one of which counts
    seeds = shared_variances(panel.seeds)
    goodness = panel.means if higher_is_better else -panel.means
    beaten_by = np.full(len(racing), -1)
    best_first = [row for row in np.argsort(-goodness, kind="stable") if racing[row]]
    for place, row in enumerate(best_first):
        for rival in best_first[:place]:
            ahead = difference(panel, rival, row, seeds)
            distance = abs(ahead.estimate)
            # Most rows are too near, which a bound tells long before the figure does.
            if ahead.of_checkpoint or ahead.spread.at_most_within(distance) < least:
                continue
            if ahead.spread.within(distance) >= least:
                beaten_by[row] = rival
                break
    return Decision(looks[look], spent, racing & (beaten_by < 0), beaten_by)
