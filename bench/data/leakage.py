"""What training gets to know of the test samples: groups that subsets share, near-duplicates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.data.dataset import Dataset
from bench.data.similarity import Hashes, Rows, dhash, has_near, near_pairs
from bench.data.split import SUBSETS, SplitRows, is_missing
from bench.settings import Split
from bench.study.record import Leakage

WORTH_SAYING = 0.05  # share of the test samples
MAX_SAMPLES = 4096  # looked at for near-duplicates, which takes less than a second
MAX_PIXELS = 2**26  # likewise, of all of them together
RUNS = 16
KEPT_TOGETHER = 0.95
"""The share of the near-duplicates that a column has to keep in one group to be advised."""


@dataclass(frozen=True)
class Overlap:
    """How far the subsets of a split share the groups of one column.

    Samples that are in no subset, or have no value in the column, count for nothing.

    Attributes:
        column: what the samples are grouped by.
        groups: how many groups there are.
        spread: how many of them are in more than one subset.
        test_share: the share in [0, 1] of the test samples whose group is in training too.
    """

    column: str
    groups: int
    spread: int
    test_share: float


def shared_groups(samples: pd.DataFrame, split: SplitRows) -> list[Overlap]:
    """Return the overlap by each column of the samples but the key, in the columns' order.

    A value that several archives have counts as one group.
    """
    return [_overlap(samples[column], split) for column in samples.columns if column != "key"]


def _overlap(values: pd.Series, split: SplitRows) -> Overlap:
    group, count = _numbered(values)
    used = np.zeros((len(SUBSETS), count + 1), np.bool_)  # the last is of samples without a value
    for number, name in enumerate(SUBSETS):
        used[number, group[getattr(split, name)]] = True
    used[:, -1] = False
    subsets = used.sum(axis=0)
    return Overlap(
        column=str(values.name),
        groups=int((subsets > 0).sum()),
        spread=int((subsets > 1).sum()),
        test_share=float(used[0, group[split.test]].mean()),
    )


def _numbered(values: pd.Series) -> tuple[Rows, int]:
    """The number of each sample's group (N,), -1 where it has none, and how many groups exist."""
    group, found = pd.factorize(values.mask(is_missing(values)))
    return group, len(found)


def near_duplicates(hashes: Hashes, split: SplitRows) -> Overlap:
    """Return the overlap by near-duplicate images, each image counted as a group of its own.

    An image is in more than one subset if another subset holds one that differs from it in at most
    `similarity.NEAR_BITS` of the hash.

    Args:
        hashes: (N,) of the samples' images, see `bench.data.similarity.dhash`.
        split: the subsets.
    """
    in_subset = {name: hashes[getattr(split, name)] for name in SUBSETS}
    spread = 0
    for name, own in in_subset.items():
        others = np.concatenate([hashes for other, hashes in in_subset.items() if other != name])
        spread += int(has_near(own, others).sum())
    return Overlap(
        column="near-duplicate images",
        groups=sum(len(hashes) for hashes in in_subset.values()),
        spread=spread,
        test_share=float(has_near(in_subset["test"], in_subset["train"]).mean()),
    )


class FoundLeakage(NamedTuple):
    """What training knows of the test samples, in shares, and in a line each what is not little."""

    shares: Leakage
    remarks: list[str]


def find_leakage(dataset: Dataset, split: SplitRows) -> FoundLeakage:
    """Return what training knows of the test samples.

    Two composites on one background look alike whatever is on it, and that the background is shared
    is a line of its own: only near-duplicates on different backgrounds count. Of a large dataset
    some runs of neighbouring samples are looked at, as neighbours are alike.
    """
    remarks = []
    samples = _look_at(dataset, split)
    share, pairs = _leaking_pairs(dataset, samples)
    if share >= WORTH_SAYING:
        remarks.append(
            f"{share:.0%} of the test samples have a near-duplicate among the training samples; "
            f"{advise_split(dataset.samples, pairs)}"
        )
    used = sum(len(getattr(split, name)) for name in SUBSETS)
    overlaps = [o for o in shared_groups(dataset.samples, split) if 1 < o.groups < used]
    shares = Leakage(
        groups={overlap.column: overlap.test_share for overlap in overlaps},
        same_images=_share_of_same_images(samples),
        near_duplicates=share,
    )
    return FoundLeakage(shares, remarks + _shared_backgrounds(dataset.samples, split))


class _LookedAt(NamedTuple):
    """Training and test samples: their rows (N,), and two hashes of each one's composite."""

    rows: Rows
    in_test: npt.NDArray[np.bool_]
    like: Hashes
    exact: list[bytes]


def _look_at(dataset: Dataset, split: SplitRows) -> _LookedAt:
    height, width = dataset.size
    used = np.sort(np.concatenate([split.train, split.test]))
    runs = [used[run] for run in spread_runs(len(used), MAX_PIXELS // (height * width))]
    like, exact = [], []
    for run in runs:
        composites = dataset.composites[run]
        like.append(dhash(composites))
        exact += [hashlib.sha256(composite).digest() for composite in composites]
    rows = np.concatenate(runs)
    return _LookedAt(rows, np.isin(rows, split.test), np.concatenate(like), exact)


def _share_of_same_images(samples: _LookedAt) -> float:
    """The share in [0, 1] of the test samples whose composite a training sample has too."""
    pairs = list(zip(samples.exact, samples.in_test, strict=True))
    training = {image for image, in_test in pairs if not in_test}
    return float(np.mean([image in training for image, in_test in pairs if in_test]))


def _leaking_pairs(dataset: Dataset, samples: _LookedAt) -> tuple[float, Rows]:
    """The share of the test samples with a near-duplicate in training, and the rows of all pairs.

    Returns:
        The share in [0, 1]; (P, 2) the rows of a training and a test sample, in any order.
    """
    rows, in_test = samples.rows, samples.in_test
    backgrounds = None if dataset.backgrounds is None else dataset.background_rows[rows]
    leaking = [
        pairs[in_test[pairs[:, 0]] != in_test[pairs[:, 1]]]
        for pairs in near_pairs(samples.like, groups=backgrounds)
    ]
    pairs = np.concatenate([np.empty((0, 2), np.int64), *leaking])
    known = np.unique(pairs[in_test[pairs]])
    return len(known) / max(1, in_test.sum()), rows[pairs]


def expected_share(partners: Rows) -> float:
    """Return the share in [0, 1] of the test samples that a draw of single samples gives away.

    Args:
        partners: (N,) how many others there are of each sample that tell training what it is like.
    """
    return float(np.mean(1 - (1 - Split().train) ** partners))


def spread_runs(count: int, limit: int = MAX_SAMPLES) -> list[Rows]:
    """Return numbers below ``count`` in `RUNS` runs of neighbours, evenly spread: all, if few.

    Args:
        count: how many samples there are.
        limit: how many to look at, if `MAX_SAMPLES` are too many; at least one of each run.
    """
    length = max(1, min(limit, MAX_SAMPLES) // RUNS)
    return [part[:length] for part in np.array_split(np.arange(count), RUNS)]


def advise_split(samples: pd.DataFrame, pairs: Rows) -> str:
    """Return how to split, so that the two rows of each of the pairs (P, 2) are in one subset.

    Of the columns that keep them together, the one of the most groups leaves the most freedom.
    """
    found: dict[str, int] = {}
    for column in samples.columns.drop("key"):
        group, count = _numbered(samples[column])
        first, second = group[pairs].T
        together = ((first == second) & (first >= 0)).mean()
        if count >= len(SUBSETS) and together >= KEPT_TOGETHER:
            found[column] = count
    if not found:
        return (
            f"no column with {len(SUBSETS)} groups or more keeps them together: add one, such as "
            "the film or the place, and split by it"
        )
    return f"data: {{split: {{by: {max(found, key=lambda c: found[c])}}}}} keeps them together"


def _shared_backgrounds(samples: pd.DataFrame, split: SplitRows) -> list[str]:
    """What is worth saying of backgrounds and foregrounds, unless the split is one by groups."""
    used = sum(len(getattr(split, name)) for name in SUBSETS)
    overlaps = shared_groups(samples, split)
    # Of groups of one sample each, no draw would spread any.
    if any(o.spread == 0 and len(SUBSETS) <= o.groups <= used / 2 for o in overlaps):
        return []
    shared = [
        o
        for o in overlaps
        if o.column in {"background", "foreground"} and o.test_share >= WORTH_SAYING
    ]
    if not shared:
        return []
    told = " and ".join(f"{o.column} ({o.test_share:.0%})" for o in shared)
    by = next((o.column for o in shared if o.groups >= len(SUBSETS)), None)
    advice = f"; data: {{split: {{by: {by}}}}} tests on new ones" if by else ""
    return [f"the test samples share their {told} with the training samples{advice}"]
