"""How many times as great one measured figure is as another one that was measured apart from it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np

from bench.statistics.median import Median
from bench.statistics.spread import Spread


def ratio_of_rounds(
    values: Sequence[float], others: Sequence[float], least_width: float, level: float = 0.95
) -> Median:
    """Return the ratio of two medians of rounds, and where it would lie with other rounds.

    The interval is Welch's (1947) of the difference of the mean logarithms, as
    `median_of_rounds` has Student's of one mean.

    Args:
        values: of the figure, positive, one a round; at least one.
        others: likewise, of what it is divided by.
        least_width: the share by which each of the two may be another at the next time, for what
            stays the same in all its rounds: it makes the interval wider at both ends.
        level: the confidence, 0 to 1.

    Returns:
        The ratio, without an interval where either has one round only.
    """
    ratio = statistics.median(values) / statistics.median(others)
    if min(len(values), len(others)) == 1:
        return Median(ratio)
    logs = [np.log(values), np.log(others)]
    parts = [float(log.var(ddof=1)) / len(log) for log in logs]
    squares = sum(part**2 / (len(log) - 1) for part, log in zip(parts, logs, strict=True))
    variance = sum(parts)
    spread = Spread(variance, variance**2 / squares if squares else 1.0, 0.0, 1.0)
    half = spread.half_width(level) + math.sqrt(2) * math.log1p(least_width)
    centre = float(logs[0].mean() - logs[1].mean())
    return Median(ratio, math.exp(centre - half), math.exp(centre + half))
