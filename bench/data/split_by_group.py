"""Whole groups of samples drawn into subsets, and how far that meets the shares asked for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.settings import Split

if TYPE_CHECKING:
    from bench.data.split import SplitRows

Rows = npt.NDArray[np.int64]
ORDERS = 100  # orders of the groups to choose from
WORTH_SAYING = 0.05  # share of the samples
LEAST_GROUPS = 4  # of which two can test


def columns_of(split: Split) -> tuple[str, ...]:
    """Return the columns whose groups are drawn."""
    return ("background", "foreground") if split.by == "both" else (split.by,)


def subset_of_groups(
    sizes: Rows, split: Split, rng: np.random.Generator, orders: int = ORDERS
) -> Rows:
    """Return the number of each group's subset, so that the shares of the samples are met.

    Of some drawn orders, each cut where the number of samples is nearest to the shares with at
    least one group a subset, the first that misses the shares by the fewest samples is taken.

    Args:
        sizes: (K,) the number of samples in each group.
        split: the shares.
        rng: draws the orders.
        orders: how many.
    """
    wanted = np.array([split.train, split.val, split.test]) * sizes.sum()
    fewest = np.inf
    for _ in range(orders):
        order = rng.permutation(len(sizes))
        filled = np.cumsum(sizes[order])
        train = 1 + np.argmin(np.abs(filled[:-2] - wanted[0]))
        learned = 1 + train + np.argmin(np.abs(filled[train:-1] - wanted[:2].sum()))
        drawn = np.empty(len(sizes), np.int64)
        drawn[order] = np.repeat([0, 1, 2], [train, learned - train, len(sizes) - learned])
        missed = np.abs(np.bincount(drawn, weights=sizes) - wanted).sum()
        if missed < fewest:
            subset, fewest = drawn, missed
    return subset


def missed_by_groups(samples: pd.DataFrame, asked: Split, drawn: SplitRows) -> list[str]:
    """Return, in a line each, what a draw by groups could not give of what was asked for.

    That is the shares of the samples, where groups are few or one is large; and a second group to
    test on, without which nothing can be said of others.

    Args:
        samples: see `bench.data.split.split_rows`.
        asked: the split.
        drawn: what came of it.
    """
    if asked.by == "sample" or asked.file is not None:
        return []
    found = []
    used = np.concatenate([drawn.train, drawn.val, drawn.test])
    shares = np.array([len(drawn.train), len(drawn.val), len(drawn.test)]) / len(used)
    wanted = np.array([asked.train, asked.val, asked.test])
    if asked.by != "both" and np.abs(shares - wanted).max() > WORTH_SAYING:
        count = samples[asked.by].iloc[used].nunique()
        found.append(
            f"the split gives {_percents(shares)} of the samples to train, val and test, where "
            f"{_percents(wanted)} were asked for: it draws whole {asked.by}s, and there are {count}"
        )
    for column in columns_of(asked):
        groups = samples[column].iloc[used].nunique()
        if len(samples[column].iloc[drawn.test].unique()) == 1:
            cure = "" if groups < LEAST_GROUPS else "a larger test share, or "
            found.append(
                f"all test images are of 1 of {groups} {column}s, so that no interval and no rank "
                f"can be given for other {column}s: take {cure}{_enough(groups, asked)} "
                f"{column}s or more"
            )
    return found


def _percents(shares: npt.NDArray[np.float64]) -> str:
    train, val, test = (f"{share:.0%}" for share in shares)
    return f"{train}, {val} and {test}"


def _enough(groups: int, asked: Split) -> int:
    """Return of how many groups of one size, more than there are, two or more test."""
    rng = np.random.default_rng(asked.seed)
    return next(
        count
        for count in itertools.count(groups + 1)  # of groups of one size all orders give the same
        if np.bincount(subset_of_groups(np.ones(count, np.int64), asked, rng, orders=1))[-1] > 1
    )
