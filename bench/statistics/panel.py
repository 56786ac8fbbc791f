"""One metric's values, seeds by images for each row, and the variances that they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.errors import InputError
from bench.statistics.arrays import Counts, Labels, Values
from bench.statistics.clusters import Clusters


@dataclass(frozen=True, eq=False)
class SeedVariances:
    """How much each row's mean over the images changes from one training to the next.

    Attributes:
        variance: (C,), of one seed's mean; 0 for a row of one seed.
        freedom: (C,) degrees of freedom; 0 where nothing is known of the variance.
    """

    variance: Values
    freedom: Values


@dataclass(frozen=True, eq=False)
class Panel:
    """The values of one metric.

    Attributes:
        rows: for each of C rows an array of seeds by images, (S_c, N). All rows have the same N
            images in the same order, and a value for each.
        groups: none to two arrays (N,): the group of each image, where images of one group are not
            independent of each other (those of one background, if no background is both trained
            on and tested on).

    Raises:
        InputError: where shapes do not fit, a value is missing, or a column of groups holds one
            group only.
    """

    rows: Sequence[Values]
    groups: Sequence[Labels] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(np.asarray(row, float) for row in self.rows))
        if not self.rows:
            raise InputError("there are no rows to compare; at least one is needed")
        for place, row in enumerate(self.rows):
            if row.ndim != 2 or not row.shape[0] or row.shape[1] != self.rows[0].shape[-1]:  # noqa: PLR2004
                raise InputError(
                    f"row {place} has shape {row.shape}: at least one seed by the images of all"
                    f" rows is needed (row 0 has shape {self.rows[0].shape})"
                )
            if not np.isfinite(row).all():
                raise InputError(f"row {place} lacks values: leave those images out of every row")
        if self.images < 2:  # noqa: PLR2004 - one value has no spread
            raise InputError("one image says nothing of other images: at least two are needed")
        self.clusters.check()

    @property
    def images(self) -> int:
        """The number of images, N."""
        return int(self.rows[0].shape[1])

    @cached_property
    def clusters(self) -> Clusters:
        """Which images are independent of each other."""
        return Clusters(self.images, self.groups)

    @cached_property
    def seed_counts(self) -> Counts:
        """The number of seeds of each row, (C,)."""
        return np.array([len(row) for row in self.rows])

    @cached_property
    def image_means(self) -> Values:
        """Each image's mean over the seeds of a row, (C, N)."""
        return np.stack([row.mean(axis=0) for row in self.rows])

    @cached_property
    def means(self) -> Values:
        """The rows' means, (C,)."""
        means: Values = self.image_means.mean(axis=1)
        return means

    @cached_property
    def seeds(self) -> SeedVariances:
        """The variance of a row's seed means, by the row's own seeds alone."""
        variances = [row.mean(axis=1).var(ddof=1) if len(row) > 1 else 0.0 for row in self.rows]
        return SeedVariances(np.array(variances), (self.seed_counts - 1).astype(float))

    @cached_property
    def residual_variances(self) -> Values:
        """The part of ``seeds.variance`` that other images would change, (C,).

        It is the variance of the mean of what is left when a row's values are freed from what
        their seed and their image have in common.
        """
        found = np.zeros(len(self.rows))
        for place, row in enumerate(self.rows):
            if len(row) > 1:
                left = row - row.mean(axis=1, keepdims=True) - self.image_means[place]
                traces = self.clusters.covariances(left).trace(axis1=1, axis2=2)
                found[place] = traces.max() / (len(row) - 1)
        return found

    @cached_property
    def _image_covariances(self) -> Values:
        return self.clusters.covariances(self.image_means)

    def image_variance(self, weights: Values) -> Values:
        """Return how much other images would change weighted sums of the rows' means.

        What the seeds' variances hold of it already is not in it.

        Args:
            weights: (C,) or (P, C): of one sum or of P.

        Returns:
            A variance, or (P,) of them; never negative.
        """
        by_column = ((weights @ self._image_covariances) * weights).sum(axis=-1)
        twice = weights**2 @ (self.residual_variances / self.seed_counts)
        variance: Values = np.maximum(by_column.max(axis=0) - twice, 0.0)
        return variance

    @cached_property
    def image_variances_of_differences(self) -> Values:
        """The `image_variance` of the difference of each pair of rows, (C, C)."""
        covariances = self._image_covariances
        own = np.diagonal(covariances, axis1=1, axis2=2)
        # As two rows alone have it: (own - shared) - (shared - own), to the last bit.
        ahead = own[:, :, None] - covariances.swapaxes(1, 2)
        ahead -= covariances - own[:, None, :]
        residual = self.residual_variances / self.seed_counts
        variance: Values = np.maximum(ahead.max(axis=0) - (residual[:, None] + residual), 0.0)
        return variance

    @cached_property
    def image_covariance(self) -> Values:
        """The covariance (C, C) of the rows' means by images, from those of rows and of pairs."""
        alone = self.image_variance(np.eye(len(self.rows)))
        covariance: Values = (alone[:, None] + alone - self.image_variances_of_differences) / 2
        return covariance

    @cached_property
    def image_root(self) -> Values:
        """A root (C, C) of `image_covariance`: the root times its transpose gives it back."""
        values, vectors = np.linalg.eigh(self.image_covariance)
        root: Values = vectors * np.sqrt(np.maximum(values, 0.0))  # by rounding some are negative
        return root

    def image_variance_between(self, row: int, other: int) -> float:
        """Return `image_variance` of the difference of two rows, to the last bit."""
        both = self._image_covariances[..., [row, other], :][..., [row, other]]
        ahead = both[..., 0, :] - both[..., 1, :]
        residual = (self.residual_variances / self.seed_counts)[[row, other]].sum()
        return max(float((ahead[..., 0] - ahead[..., 1]).max() - residual), 0.0)

    def of_rows(self, places: Counts) -> Panel:
        """Return the panel of some of the rows."""
        return Panel([self.rows[place] for place in places], self.groups)
