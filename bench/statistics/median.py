"""The median of what was measured in some rounds, and how well it is known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Student's t for 1, 2, ... degrees of freedom: 95 % lies within; beyond the last, a little more.
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)


class Median(NamedTuple):
    """A positive figure and its 95 % interval, which is None where one round is all."""

    value: float
    low: float | None = None
    high: float | None = None

    def inverse(self, scale: float) -> Median:
        """Return ``scale`` divided by the figure, as a speed is of a time."""
        low, high = (None if end is None else scale / end for end in (self.high, self.low))
        return Median(scale / self.value, low, high)

    def times(self, scale: float) -> Median:
        """Return the figure in another unit."""
        low, high = (None if end is None else scale * end for end in (self.low, self.high))
        return Median(scale * self.value, low, high)

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def differs_from_one(self) -> bool:
        """Whether 1 lies outside of the interval."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def median_of_rounds(values: Iterable[float], least_width: float) -> Median:
    """Return the median of some rounds' positive values, and where it would lie with other rounds.

    The median is one that a minority of rounds cannot move. The interval is Student's of the mean
    of the logarithms, which holds the median, too: what changes from round to round is all in it.

    Args:
        values: one a round, at least one.
        least_width: by what share the interval is made wider at both ends, for what stays the same
            in all rounds and would be another at the next time.
    """
    known = sorted(values)
    middle = statistics.median(known)
    freedom = len(known) - 1
    if freedom == 0:
        return Median(middle)
    logs = [math.log(value) for value in known]
    centre = statistics.fmean(logs)
    t = T_95[min(freedom, len(T_95)) - 1]
    half = t * statistics.stdev(logs) / math.sqrt(len(logs)) + math.log1p(least_width)
    return Median(middle, math.exp(centre - half), math.exp(centre + half))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of ``ordered`` (ascending) lies, interpolated."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
