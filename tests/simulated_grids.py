"""Grids of architectures and losses whose scores have known components of variance."""

from __future__ import annotations

import itertools

import numpy as np

from bench.statistics.panel import Panel

CELLS = list(itertools.product("abc", "xyz"))
ARCHITECTURES, LOSSES = (np.array(labels) for labels in zip(*CELLS, strict=True))
SOURCES = ("architecture", "loss", "interaction", "seed", "image", "image x row", "residual")
TRUTH = dict(zip(SOURCES, (9.0, 16.0, 4.0, 2.0, 25.0, 5.0, 10.0), strict=True))


def row_means(rng, architectures=ARCHITECTURES, losses=LOSSES, truth=TRUTH):
    """What architecture, loss and both together make of each row."""
    sd = {source: variance**0.5 for source, variance in truth.items()}
    one = {name: sd["architecture"] * rng.standard_normal() for name in np.unique(architectures)}
    other = {name: sd["loss"] * rng.standard_normal() for name in np.unique(losses)}
    return np.array(
        [
            one[architecture] + other[loss] + sd["interaction"] * rng.standard_normal()
            for architecture, loss in zip(architectures, losses, strict=True)
        ]
    )


def scores(rng, means, *, seeds=3, images=8, truth=TRUTH):
    """Scores of rows with these means, of which each other source has the true variance."""
    sd = {source: variance**0.5 for source, variance in truth.items()}
    common = sd["image"] * rng.standard_normal(images)
    counts = [seeds] * len(means) if isinstance(seeds, int) else seeds
    return Panel(
        [
            mean
            + sd["seed"] * rng.standard_normal((count, 1))
            + common
            + sd["image x row"] * rng.standard_normal(images)
            + sd["residual"] * rng.standard_normal((count, images))
            for mean, count in zip(means, counts, strict=True)
        ]
    )


def grid(rng, architectures=ARCHITECTURES, losses=LOSSES, *, truth=TRUTH, **sizes):
    """Scores of which each source has the true variance."""
    return scores(rng, row_means(rng, architectures, losses, truth), truth=truth, **sizes)
