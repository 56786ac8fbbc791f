"""Worlds in which the truth is known: scores of rows, seeds and images made by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.statistics.panel import Panel

FAILED = -50.0  # how much lower the score of an image is on which a row fails


@dataclass(frozen=True)
class World:
    """How scores come about: mean + seed + image + what image and row, and all three, share.

    Attributes:
        means: of the rows, the truth.
        seeds: how many each row has; one number for all, or one a row.
        images: how many.
        seed_sd: of a seed's mean; one number for all, or one a row.
        image_sd, row_sd, residual_sd: of an image; of an image in a row; of a single score.
        skewed: whether images, groups and scores have a long tail (a centred exponential one).
        failures: on which share of images a row fails, with all seeds.
        groups: for each column of groups how many there are.
        group_sd, group_row_sd: of a group; of a group in a row.
    """

    means: tuple[float, ...] = (0.0, 0.0)
    seeds: int | tuple[int, ...] = 3
    images: int = 180
    seed_sd: float | tuple[float, ...] = 1.0
    image_sd: float = 15.0
    row_sd: float = 4.0
    residual_sd: float = 8.0
    skewed: bool = False
    failures: float = 0.0
    groups: tuple[int, ...] = ()
    group_sd: float = 6.0
    group_row_sd: float = 2.0

    def panel(self, rng: np.random.Generator) -> Panel:
        """Return new seeds and images of this world."""
        rows = len(self.means)
        counts = np.broadcast_to(self.seeds, rows)
        seed_sds = np.broadcast_to(self.seed_sd, rows)
        columns = [self._column(rng, number) for number in self.groups]
        common = self.image_sd * self._noise(rng, self.images)
        own = self.row_sd * self._noise(rng, (rows, self.images))
        own += FAILED * ((rng.random(own.shape) < self.failures) - self.failures)
        for column, number in zip(columns, self.groups, strict=True):
            common += self.group_sd * self._noise(rng, number)[column]
            own += self.group_row_sd * self._noise(rng, (rows, number))[:, column]
        return Panel(
            [
                self.means[row]
                + seed_sds[row] * rng.standard_normal((counts[row], 1))
                + common
                + own[row]
                + self.residual_sd * self._noise(rng, (counts[row], self.images))
                for row in range(rows)
            ],
            columns,
        )

    def _noise(self, rng, shape):
        return rng.exponential(size=shape) - 1 if self.skewed else rng.standard_normal(shape)

    def _column(self, rng, number):
        """Groups of unequal sizes: the largest has about three times as many as the smallest."""
        shares = np.linspace(1, 3, number)
        return rng.choice(number, self.images, p=shares / shares.sum())
