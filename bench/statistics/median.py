"""The median of some timings, and how well it is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

CONFIDENCE = 0.95
NARROW = 0.01  # of the median: an interval this narrow says enough


def interval(ordered: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the median of what ``ordered`` (ascending) was drawn from.

    Its ends are order statistics, so that it holds for any distribution: the k-th smallest and
    k-th largest value, with the largest k for which at most 5 % of all samples miss the median.
    None where there are too few values (below six) for any.
    """
    rank = _rank(len(ordered))
    return (ordered[rank - 1], ordered[-rank]) if rank else None


def is_narrow(ordered: Sequence[float]) -> bool:
    """Whether the interval of the median is narrower than 1 % of the median."""
    ends = interval(ordered)
    return ends is not None and ends[1] - ends[0] < NARROW * quantile(ordered, 0.5)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``ordered`` (ascending) lies, interpolated linearly."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@cache
def _rank(count: int) -> int:
    """The largest k with P(fewer than k of ``count`` values lie below the median) <= 2.5 %."""
    allowed = (1 - CONFIDENCE) / 2
    ways, cumulated, rank = 1, 0, 0
    while (cumulated + ways) / 2**count <= allowed:
        cumulated += ways
        ways = ways * (count - rank) // (rank + 1)
        rank += 1
    return rank
