"""What a difference means in practice: better, worse, equal, or not decided."""

from __future__ import annotations

from enum import StrEnum

from bench.statistics.intervals import Interval


class Verdict(StrEnum):
    """What can be said of a row beside another one."""

    BETTER = "better"
    WORSE = "worse"
    EQUAL = "equal"
    OPEN = "open"


def verdict(difference: Interval, zone: float = 0.0, *, higher_is_better: bool = True) -> Verdict:
    """Return what the first row of a difference is, as far as the interval says.

    Equal: the interval of two one-sided tests (Schuirmann 1987), which at level 95 % is that of
    90 %, lies within ``zone`` of 0. A difference that is certain and too small to matter is equal,
    too. Better or worse: the interval excludes 0. Else it is open.

    Args:
        difference: of the row's mean minus the other's.
        zone: up to which difference both count as equal, in the metric's unit; fixed before the
            results are seen. 0: no two rows are equal.
        higher_is_better: whether a greater mean is better.
    """
    tested = difference.at(1 - 2 * (1 - difference.level))
    if zone and -zone <= tested.low and tested.high <= zone:
        return Verdict.EQUAL
    if not difference.excludes(0):
        return Verdict.OPEN
    return Verdict.BETTER if (difference.estimate > 0) == higher_is_better else Verdict.WORSE
