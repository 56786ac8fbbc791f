"""The rows' means as they would come out with other seeds and other images."""

from __future__ import annotations

import numpy as np

from bench.statistics.arrays import Counts, Values
from bench.statistics.panel import Panel, SeedVariances

DRAWS = 10_000


def deviations(
    panel: Panel,
    seeds: SeedVariances,
    generator: np.random.Generator,
    rows: Counts | None = None,
) -> Values:
    """Return draws of how far the rows' means may lie from what they estimate, (DRAWS, R).

    Seeds: Student's t of each row by itself. Images: Student's t of all rows together, with the
    covariance that the variances of rows and of pairs imply.

    Args:
        panel: the values of C rows.
        seeds: their variances between seeds.
        generator: of the draws, of which as many are made whatever the rows.
        rows: the R places of those that are asked for; by default all C.
    """
    places = slice(None) if rows is None else rows
    scale = np.sqrt(seeds.variance / panel.seed_counts)
    size = DRAWS, len(scale)
    by_seed = generator.standard_t(np.maximum(seeds.freedom, 1.0), size)[:, places]
    by_images = generator.standard_normal(size) @ panel.image_root[places].T
    freedom = panel.clusters.freedom
    by_images *= np.sqrt(freedom / generator.chisquare(freedom, size=(DRAWS, 1)))
    by_images += scale[places] * by_seed
    return by_images
