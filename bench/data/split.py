"""Which samples train, which select, which test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.errors import InputError
from bench.grid import Split

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SplitRows:
    """A split of a dataset's rows into three disjoint sets, each in ascending order.

    Attributes:
        train, val, test: row numbers.
        digest: a hash of the archives' fingerprint and of the keys on each side; two records with
            one digest saw the same data.
    """

    train: Rows
    val: Rows
    test: Rows
    digest: str


def split_rows(keys: npt.NDArray[np.str_], split: Split, fingerprint: str) -> SplitRows:
    """Shuffle the samples with the split's seed and cut them by its shares.

    The shuffle is over the sorted keys, so that the order in an archive does not matter.

    Raises:
        InputError: a side would be empty.
    """
    count = len(keys)
    by_key = np.argsort(keys, kind="stable")
    shuffled = by_key[np.random.default_rng(split.seed).permutation(count)]
    val_start = round(count * split.train)
    test_start = round(count * (split.train + split.val))
    sides = {
        "train": np.sort(shuffled[:val_start]),
        "val": np.sort(shuffled[val_start:test_start]),
        "test": np.sort(shuffled[test_start:]),
    }
    digest = hashlib.sha256(fingerprint.encode())
    for name, rows in sides.items():
        if len(rows) == 0:
            raise InputError(
                f"data.split: {count} samples leave none for {name}; give it a larger share"
            )
        digest.update(f"{name}:{','.join(keys[rows])};".encode())
    return SplitRows(**sides, digest=digest.hexdigest()[:16])
