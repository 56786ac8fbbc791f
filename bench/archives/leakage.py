"""What stands on more than one side of a split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.archives.check.similarity import Hashes, has_near
from bench.data.split import SIDES, SplitRows, is_missing


@dataclass(frozen=True)
class Overlap:
    """How far the sides of a split share the groups of one column.

    Samples that stand on no side, or have no value in the column, count for nothing.

    Attributes:
        column: what the samples are grouped by.
        groups: how many groups there are.
        spread: how many of them stand on more than one side.
        test_share: the share in [0, 1] of the test samples whose group stands in training too.
    """

    column: str
    groups: int
    spread: int
    test_share: float


def shared_groups(samples: pd.DataFrame, split: SplitRows) -> list[Overlap]:
    """The overlap by each column of the samples but the key, in the columns' order.

    A value that stands in several archives counts as one group.
    """
    return [_overlap(samples[column], split) for column in samples.columns if column != "key"]


def _overlap(groups: pd.Series, split: SplitRows) -> Overlap:
    groups = groups.mask(is_missing(groups))
    on_side = {name: groups.iloc[getattr(split, name)] for name in SIDES}
    sides_of = pd.concat([pd.Series(groups.dropna().unique()) for groups in on_side.values()])
    times = sides_of.value_counts()
    known = on_side["test"].dropna()
    shared = known.isin(on_side["train"]).sum()
    return Overlap(
        column=str(groups.name),
        groups=len(times),
        spread=int((times > 1).sum()),
        test_share=shared / len(on_side["test"]),
    )


def near_duplicates(hashes: Hashes, split: SplitRows) -> Overlap:
    """The overlap by near-duplicate images, each image counted as a group of its own.

    An image is on more than one side if another side holds one that differs from it in at most
    `similarity.NEAR_BITS` of the hash.

    Args:
        hashes: (N,) of the samples' images, see `bench.archives.check.similarity.dhash`.
        split: the sides.
    """
    on_side = {name: hashes[getattr(split, name)] for name in SIDES}
    spread = 0
    for name, own in on_side.items():
        others = np.concatenate([hashes for other, hashes in on_side.items() if other != name])
        spread += int(has_near(own, others).sum())
    return Overlap(
        column="near-duplicate images",
        groups=sum(len(side) for side in on_side.values()),
        spread=spread,
        test_share=float(has_near(on_side["test"], on_side["train"]).mean()),
    )
