"""The rows of a grid by their architecture and their loss."""

from __future__ import annotations

import numpy as np

from bench.statistics.arrays import Labels, Values


def indicators(labels: Labels) -> Values:
    """Return (C, levels) of (C,) labels: 1 where a row has the level, in the levels' order."""
    found: Values = (labels[:, None] == np.unique(labels)).astype(float)
    return found


def projector(*blocks: Values) -> Values:
    """Return the (C, C) matrix that fits rows by the columns of blocks (C, levels)."""
    design = np.hstack(blocks)
    found: Values = design @ np.linalg.pinv(design)
    return found


def rank_of(projection: Values) -> int:
    """Return how many degrees of freedom a projector keeps."""
    return round(float(np.trace(projection)))
