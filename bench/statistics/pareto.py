"""Which rows no other row beats in everything, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.statistics.arrays import Flags, Values
from bench.statistics.draws import DRAWS, deviations
from bench.statistics.panel import Panel, SeedVariances


@dataclass(frozen=True, eq=False)
class Objective:
    """What is to be high: the figures of C rows, and how else they could have come out.

    Attributes:
        figures: (C,).
        drawn: (draws, C).
    """

    figures: Values
    drawn: Values


def scored(
    panel: Panel,
    seeds: SeedVariances,
    generator: np.random.Generator,
    *,
    higher_is_better: bool = True,
) -> Objective:
    """Return a metric's means as an objective, drawn anew with other seeds and other images."""
    sign = 1 if higher_is_better else -1
    drawn = panel.means + deviations(panel, seeds, generator)
    return Objective(sign * panel.means, sign * drawn)


def measured(
    figures: Values,
    relative_errors: Values,
    generator: np.random.Generator,
    *,
    higher_is_better: bool = True,
) -> Objective:
    """Return positive figures with relative standard errors, both (C,), as an objective."""
    sign = 1 if higher_is_better else -1
    normal = generator.standard_normal((DRAWS, len(figures)))
    return Objective(sign * figures, sign * figures * np.exp(relative_errors * normal))


@dataclass(frozen=True, eq=False)
class ParetoFront:
    """The rows that no other row beats in everything.

    Attributes:
        on_front: (C,) whether a row is one, by the figures as they are.
        how_often: (C,) in which share of the draws it is.
    """

    on_front: Flags
    how_often: Values


def pareto_front(objectives: Sequence[Objective]) -> ParetoFront:
    """Return the front; the objectives are drawn independently of each other."""
    figures = np.stack([objective.figures for objective in objectives])
    drawn = np.stack([objective.drawn for objective in objectives])
    return ParetoFront(_on_front(figures[:, None])[0], _on_front(drawn).mean(axis=0))


def _on_front(figures: Values) -> Flags:
    """Return for (objectives, draws, C) which rows no other row dominates, (draws, C)."""
    on_front = np.ones(figures.shape[1:], bool)
    for row in range(figures.shape[2]):
        own = figures[..., row, None]
        no_worse, better = np.all(figures >= own, axis=0), np.any(figures > own, axis=0)
        on_front[:, row] = ~np.any(no_worse & better, axis=1)
    return on_front
