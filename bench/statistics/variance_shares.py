"""How much of a score's variance architecture, loss, their interaction, seed and image make."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.errors import InputError
from bench.statistics.arrays import Counts, Labels, Values
from bench.statistics.draws import DRAWS
from bench.statistics.factors import indicators, projector, rank_of
from bench.statistics.panel import Panel


@dataclass(frozen=True)
class VarianceShares:
    """The variance of a single score, of any row, seed and image, by its sources.

    The sources are architecture, loss, interaction (of these two), seed, image, "image x row" and
    residual. One that the rows cannot tell apart from others is left out.

    Attributes:
        components: of each source, in the metric's unit squared; unbiased, and so by chance
            negative where there is little of it.
        intervals: of each share, 95 %, for these architectures and losses.
        complete: whether the rows are all cells of a grid, with equally many seeds: then the
            components are those of the analysis of variance. Else they are by least squares.
    """

    components: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    complete: bool

    @property
    def shares(self) -> dict[str, float]:
        """The sources' shares of the total, 0 to 1; a negative component counts as 0."""
        shares = _shares({source: np.array(each) for source, each in self.components.items()})
        return {source: float(share) for source, share in shares.items()}

    @property
    def negative(self) -> tuple[str, ...]:
        """The sources whose components are negative: nothing of them is seen."""
        return tuple(source for source, found in self.components.items() if found < 0)


def variance_shares(
    panel: Panel, architectures: Labels, losses: Labels, generator: np.random.Generator
) -> VarianceShares:
    """Return how much of the variance of a single score each source makes.

    Sums of squares are set equal to what is expected of them (Henderson's third method), which on a
    complete grid is the analysis of variance with random effects. Seeds belong to their row.

    Args:
        panel: the values of at least two rows.
        architectures: (C,) of each row.
        losses: (C,) of each row.
        generator: of the draws that make the intervals.
    """
    rows = len(panel.rows)
    if rows == 1:
        raise InputError("one row has no architecture or loss to compare: at least two are needed")
    within = _Within.of(panel)
    components = _between(panel.means, within.noise, architectures, losses) | within.components
    drawn = within.drawn(panel.clusters.freedom, generator)
    noise = np.sqrt(np.maximum(drawn.noise, 0.0)) * generator.standard_normal((DRAWS, rows))
    # Drawn means have the noise twice: that of the means found, and that of the draw.
    between = _between(panel.means + noise, 2 * drawn.noise, architectures, losses)
    intervals = {}
    for source, shares in _shares(between | drawn.components).items():
        low, high = np.quantile(shares, (0.025, 0.975))
        intervals[source] = (float(low), float(high))
    cells = set(zip(architectures.tolist(), losses.tolist(), strict=True))
    grid = len(np.unique(architectures)) * len(np.unique(losses))
    balanced = len(np.unique(panel.seed_counts)) == 1
    return VarianceShares(
        {source: float(found.squeeze()) for source, found in components.items()},
        intervals,
        complete=balanced and len(cells) == rows == grid,
    )


def _shares(components: dict[str, Values]) -> dict[str, Values]:
    kept = {source: np.maximum(found, 0.0) for source, found in components.items()}
    total = np.maximum(sum(kept.values()), np.finfo(float).tiny)
    return {source: found / total for source, found in kept.items()}


def _between(
    means: Values, noise: Values, architectures: Labels, losses: Labels
) -> dict[str, Values]:
    """Return the components of architecture, loss and interaction, each (n, 1).

    Args:
        means: (n, C) or (C,) of the rows.
        noise: (n, C) or (C,), the means' variances without what all rows have in common.
        architectures: (C,) of each row.
        losses: (C,) of each row.
    """

    def above_noise(projection: Values) -> Values:
        squares: Values = ((means @ projection) * means).sum(axis=-1, keepdims=True)
        return squares - noise @ np.diag(projection)[:, None]

    one, other = indicators(architectures), indicators(losses)
    additive = projector(one, other)
    left = np.eye(len(additive)) - additive
    found: dict[str, Values] = {}
    if rank_of(left):
        found["interaction"] = above_noise(left) / rank_of(left)
        noise = noise + found["interaction"]
    for source, own, rest in (("loss", other, one), ("architecture", one, other)):
        explained = additive - projector(rest)
        if rank_of(explained):
            found[source] = above_noise(explained) / np.trace(own.T @ explained @ own)
    return dict(reversed(found.items()))


@dataclass(frozen=True, eq=False)
class _Within:
    """What seeds and images do to the scores: variances of means over the images.

    Each variance is an array (1,), or draws (n, 1). Those of the first three know the groups of
    images, the others are what it would be if all images were independent.

    Attributes:
        seed: of one seed's mean.
        residual: of one seed's mean, by what only its own scores have.
        apart: of a row's mean, by what no other row has.
        residual_alone: the same as ``residual``.
        apart_alone: the same as ``apart``.
        together: of the mean of all rows.
        counts: (C,) seeds of the rows.
        images: how many.
    """

    seed: Values
    residual: Values
    apart: Values
    residual_alone: Values
    apart_alone: Values
    together: Values
    counts: Counts
    images: int

    @classmethod
    def of(cls, panel: Panel) -> _Within:
        """Return what the values show."""
        weights = panel.seeds.freedom / max(panel.seeds.freedom.sum(), 1.0)
        alone = Panel(panel.rows)
        return cls(
            seed=np.array([weights @ panel.seeds.variance]),
            residual=np.array([weights @ panel.residual_variances]),
            apart=_apart(panel),
            residual_alone=np.array([weights @ alone.residual_variances]),
            apart_alone=_apart(alone),
            together=panel.image_means.mean(axis=0).var(ddof=1, keepdims=True) / panel.images,
            counts=panel.seed_counts,
            images=panel.images,
        )

    @property
    def freedom(self) -> int:
        """Degrees of freedom between seeds; 0 where each row has one."""
        return int((self.counts - 1).sum())

    @property
    def noise(self) -> Values:
        """The variance of each row's mean, (C,) or (n, C), but for what all rows have in common."""
        residual = self.residual * (1 / self.counts).mean()
        noise: Values = self.seed / self.counts + self.apart - residual
        return noise

    @property
    def components(self) -> dict[str, Values]:
        """The components of a single score; seeds only where a row has two."""
        own = self.apart_alone - self.residual_alone * (1 / self.counts).mean()
        image = self.together - self.apart_alone / len(self.counts)
        found = {"image": image * self.images, "image x row": own * self.images}
        if not self.freedom:
            return found
        seed, residual = self.seed - self.residual, self.residual_alone * self.images
        return {"seed": seed, **found, "residual": residual}

    def drawn(self, image_freedom: float, generator: np.random.Generator) -> _Within:
        """Return what it may be in truth, as draws of scaled inverse chi-square."""

        def factors(freedom: float) -> Values:
            draws: Values = freedom / generator.chisquare(freedom, (DRAWS, 1))
            return draws

        seeds = max(self.freedom, 1)  # with one seed a row there is no variance to draw
        residual = factors(seeds * image_freedom)
        apart = factors((len(self.counts) - 1) * image_freedom)
        return replace(
            self,
            seed=self.seed * factors(seeds),
            residual=self.residual * residual,
            apart=self.apart * apart,
            residual_alone=self.residual_alone * residual,
            apart_alone=self.apart_alone * apart,
            together=self.together * factors(image_freedom),
        )


def _apart(panel: Panel) -> Values:
    """Return the variance of a row's mean by what its images have in no other row, (1,)."""
    own = panel.image_means - panel.image_means.mean(axis=0)
    squares = panel.clusters.covariances(own).trace(axis1=1, axis2=2)
    return np.array([squares.max() / (len(own) - 1)])
