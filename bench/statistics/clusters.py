"""How well a mean over images is known where images come in groups: var_cl and its freedom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bench.errors import InputError
from bench.statistics.arrays import Counts, Labels, Values


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which group each image belongs to: (N,) numbers from 0 to G - 1, and the G sizes."""

    group: Counts
    sizes: Values

    @classmethod
    def of(cls, column: Labels) -> Grouping:
        """Return the grouping of a column that names each image's group."""
        _, group, sizes = np.unique(column, return_inverse=True, return_counts=True)
        return cls(group, sizes.astype(float))

    @cached_property
    def _traces(self) -> tuple[float, float]:
        """tr(M'M) and tr((M'M)^2) of M = diag(n) (I - 1 n'/N), without making the G x G matrix."""
        n = self.sizes
        total = n.sum()
        squares = n @ n
        # M'M = diag(n^2) + n v' + v n'
        v = squares * n / (2 * total**2) - n**2 / total
        first = squares + 2 * (n @ v)
        second = (n**4).sum() + 4 * (n**3 @ v) + 2 * squares * (v @ v) + 2 * (n @ v) ** 2
        return float(first), float(second)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the covariance (Satterthwaite); N - 1 where each is a group."""
        first, second = self._traces
        return first**2 / second

    def covariance(self, values: Values) -> Values:
        """Return the (k, k) covariance of the means of (k, N) values, if groups are independent.

        The squared sums of groups are scaled so that they are unbiased where images of one group
        share all that moves them: the scale is N / (N - 1) where each image is a group.
        """
        centred = values - values.mean(axis=1, keepdims=True)
        sums = np.stack([np.bincount(self.group, weights=row) for row in centred])
        scale = self.sizes @ self.sizes / self._traces[0] / self.sizes.sum() ** 2
        # not a matrix product: its last digit would depend on the number of threads
        covariance: Values = scale * np.einsum("jg,kg->jk", sums, sums)
        return covariance


@dataclass(frozen=True, eq=False)
class Clusters:
    """The columns, none to two of (N,), whose groups are independent of each other.

    With two columns (Cameron, Gelbach and Miller 2011) the variance is that of either minus that of
    both at once, and never below the variance by one column, nor that of independent images.
    """

    images: int
    columns: Sequence[Labels] = ()

    def check(self) -> None:
        """Raise an InputError if the columns are of no use."""
        if len(self.columns) > 2:  # noqa: PLR2004 - no formula is known to hold for more
            raise InputError(
                f"images can be grouped by two columns at most, not {len(self.columns)}"
            )
        for place, column in enumerate(self.columns):
            if np.shape(column) != (self.images,):
                raise InputError(
                    f"column {place} of the groups has shape {np.shape(column)};"
                    f" it takes one group for each of the {self.images} images"
                )
            if len(np.unique(column)) == 1:
                raise InputError(
                    f"column {place} of the groups holds a single group; it takes two to tell"
                    " how much groups differ"
                )

    @cached_property
    def _groupings(self) -> list[Grouping]:
        if not self.columns:
            return [Grouping.of(np.arange(self.images))]
        return [Grouping.of(column) for column in self.columns]

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of a variance: those of the column that has fewer."""
        return min(grouping.freedom for grouping in self._groupings)

    def covariances(self, values: Values) -> Values:
        """Return (m, k, k) covariances of the means of (k, N) values.

        The variance of a weighted sum of the means is the greatest that one of the m gives.
        """
        by_column = [grouping.covariance(values) for grouping in self._groupings]
        if len(by_column) == 1:
            return np.stack(by_column)
        first, second = (grouping.group for grouping in self._groupings)
        both = Grouping.of(first * (second.max() + 1) + second).covariance(values)
        independent = Grouping.of(np.arange(self.images)).covariance(values)
        return np.stack([by_column[0] + by_column[1] - both, *by_column, independent])
