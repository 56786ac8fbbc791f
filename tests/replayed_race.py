"""A race over seeds that have all been run."""

import numpy as np

from bench.statistics.panel import Panel
from bench.statistics.race import still_racing


def replay(panel, looks, **how):
    """The decisions of a race over the panel's rows, which have the seeds of all looks."""
    racing, counts = np.ones(len(panel.rows), bool), np.zeros(len(panel.rows), int)
    decisions = []
    for look, seeds in enumerate(looks):
        counts[racing] = seeds
        so_far = Panel([row[:count] for row, count in zip(panel.rows, counts, strict=True)])
        decisions.append(still_racing(so_far, racing, looks, look, **how))
        racing = decisions[-1].racing
        if racing.sum() == 1:
            break
    return decisions
