"""Which samples train, which select, which test."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from bench.errors import InputError, suggestion
from bench.settings import Split

Rows = npt.NDArray[np.int64]
SIDES = ("train", "val", "test")


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


def split_rows(
    keys: npt.NDArray[np.str_], split: Split, fingerprint: str, *, limit: int | None = None
) -> SplitRows:
    """Divide the samples as the split's method says.

    Args:
        keys: (N,) the samples' keys, in the archive's order.
        split: the method, the shares and the seed.
        fingerprint: of the archives, for the digest.
        limit: draw at most this many samples first.

    Raises:
        InputError: a side would be empty, or the list of samples is at fault.
    """
    rows = np.arange(len(keys))
    if limit is not None and limit < len(keys):
        # From the sorted keys, so that the order in an archive does not matter.
        by_key = np.argsort(keys, kind="stable")
        rows = np.sort(by_key[np.random.default_rng(split.seed).permutation(len(keys))[:limit]])
    if split.file is not None:
        sides = _listed(Path(split.file), keys, rows)
    else:
        train, val, test = _DRAWS[split.method](keys[rows], split)
        sides = {"train": rows[train], "val": rows[val], "test": rows[test]}
    digest = hashlib.sha256(fingerprint.encode())
    for name, side in sides.items():
        if len(side) == 0:
            raise InputError(
                f"data.split: {len(rows)} samples leave none for {name}; give it a larger share"
            )
        sides[name] = np.sort(side)
        digest.update(f"{name}:{','.join(keys[sides[name]])};".encode())
    return SplitRows(**sides, digest=digest.hexdigest()[:16])


def _shuffle(keys: npt.NDArray[np.str_], split: Split) -> tuple[Rows, Rows, Rows]:
    """Over the sorted keys, so that the order in an archive does not matter."""
    by_key = np.argsort(keys, kind="stable")
    order = by_key[np.random.default_rng(split.seed).permutation(len(keys))]
    val_start = round(len(keys) * split.train)
    test_start = round(len(keys) * (split.train + split.val))
    return order[:val_start], order[val_start:test_start], order[test_start:]


def _torch_random_split(keys: npt.NDArray[np.str_], split: Split) -> tuple[Rows, Rows, Rows]:
    """A permutation by torch's global generator: the front trains, the back tests."""
    count = len(keys)
    order = torch.randperm(count, generator=torch.Generator().manual_seed(split.seed)).numpy()
    learned = count * round(100 * (split.train + split.val)) // 100
    val_start = learned - round(count * split.val)
    return order[:val_start], order[val_start:learned], order[learned:]


def _sklearn_train_test_split(keys: npt.NDArray[np.str_], split: Split) -> tuple[Rows, Rows, Rows]:
    """A permutation by numpy's legacy generator: the front, rounded up, tests, the rest trains."""
    count = len(keys)
    order = np.random.RandomState(split.seed).permutation(count)
    tested = math.ceil(count * split.test)
    val_start = count - round(count * split.val)
    return order[tested:val_start], order[val_start:], order[:tested]


_DRAWS = {
    "shuffle": _shuffle,
    "torch_random_split": _torch_random_split,
    "sklearn_train_test_split": _sklearn_train_test_split,
}


def _listed(path: Path, keys: npt.NDArray[np.str_], rows: Rows) -> dict[str, Rows]:
    """The sides that a CSV list gives; a sample that it does not name stands on none."""
    try:
        listed = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"data.split.file: {path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"data.split.file: {path}: not a CSV table ({error})") from None
    if not {"key", "side"} <= set(listed):
        raise InputError(f"data.split.file: {path}: needs the columns key,side")
    if (twice := listed["key"][listed["key"].duplicated()]).size:
        raise InputError(f"data.split.file: {path}: the key {twice.iloc[0]} stands twice")
    wrong = listed[~listed["side"].isin(SIDES)]
    if wrong.size:
        raise InputError(
            f"data.split.file: {path}: {wrong.iloc[0]['key']} has the side "
            f"{wrong.iloc[0]['side']!r}{suggestion(wrong.iloc[0]['side'], SIDES)}"
        )
    unknown = listed[~listed["key"].isin(keys)]
    if unknown.size:
        raise InputError(
            f"data.split.file: {path}: {unknown.iloc[0]['key']} is no sample of the archive"
        )
    side = pd.Series(keys[rows]).map(listed.set_index("key")["side"]).to_numpy()
    return {name: rows[side == name] for name in SIDES}
