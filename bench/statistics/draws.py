"""The rows' means as they would come out with other seeds and other images."""

from __future__ import annotations

import numpy as np

from bench.statistics.arrays import Values
from bench.statistics.panel import Panel, SeedVariances

DRAWS = 10_000


def image_covariance(panel: Panel) -> Values:
    """Return the covariance (C, C) of the rows' means by images, from V of rows and of pairs."""
    alone = panel.image_variance(np.eye(len(panel.rows)))
    covariance: Values = (alone[:, None] + alone - panel.image_variances_of_differences()) / 2
    return covariance


def deviations(panel: Panel, seeds: SeedVariances, generator: np.random.Generator) -> Values:
    """Return draws of how far the rows' means may lie from what they estimate, (DRAWS, C).

    Seeds: Student's t of each row by itself. Images: Student's t of all rows together, with the
    covariance that the variances of rows and of pairs imply.
    """
    scale = np.sqrt(seeds.variance / panel.seed_counts)
    by_seed = scale * generator.standard_t(np.maximum(seeds.freedom, 1.0), size=(DRAWS, len(scale)))
    values, vectors = np.linalg.eigh(image_covariance(panel))
    root = vectors * np.sqrt(np.maximum(values, 0.0))  # rounding makes some eigenvalues negative
    normal = generator.standard_normal((DRAWS, len(scale))) @ root.T
    freedom = panel.clusters.freedom
    deviations: Values = by_seed + normal * np.sqrt(
        freedom / generator.chisquare(freedom, size=(DRAWS, 1))
    )
    return deviations
