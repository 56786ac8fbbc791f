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

from bench.data.split_by_group import columns_of, subset_of_groups
from bench.errors import InputError, suggestion
from bench.files import atomic_path
from bench.settings import Split

Rows = npt.NDArray[np.int64]
SUBSETS = ("train", "val", "test")
LEFT_OUT = -1  # in place of a subset's number


@dataclass(frozen=True)
class SplitRows:
    """A split of a dataset's rows into three disjoint sets, each in ascending order.

    Attributes:
        train, val, test: row numbers.
        digest: a hash of the archives' fingerprint and of the keys in each subset; two records
            with one digest saw the same data.
        left_out: how many of the samples that were drawn are in no subset.
    """

    train: Rows
    val: Rows
    test: Rows
    digest: str
    left_out: int = 0

    @property
    def label(self) -> str:
        """How many are in each: ``360 train, 60 val, 180 test``."""
        counts = [f"{len(getattr(self, subset))} {subset}" for subset in SUBSETS]
        return ", ".join([*counts, *([f"{self.left_out} left out"] if self.left_out else [])])


def split_rows(
    samples: pd.DataFrame, split: Split, fingerprint: str, *, limit: int | None = None
) -> SplitRows:
    """Divide the samples as the split's method says.

    Args:
        samples: one row a sample in the archive's order: ``key``, and the column to split by.
        split: the method, the shares and the seed.
        fingerprint: of the archives, for the digest.
        limit: draw at most this many samples first.

    Raises:
        InputError: a subset would be empty, the column to split by is at fault, or the list of
            samples is.
    """
    keys = samples["key"].to_numpy(dtype=str)
    rows = np.arange(len(keys))
    if limit is not None and limit < len(keys):
        # From the sorted keys, so that the order in an archive does not matter.
        by_key = np.argsort(keys, kind="stable")
        rows = np.sort(by_key[np.random.default_rng(split.seed).permutation(len(keys))[:limit]])
    if split.file is not None:
        subsets = _listed(Path(split.file), keys, rows)
    elif split.by != "sample":
        subset = _subset_of_samples(samples.iloc[rows], split)
        subsets = {name: rows[subset == number] for number, name in enumerate(SUBSETS)}
    else:
        train, val, test = _DRAWS[split.method](keys[rows], split)
        subsets = {"train": rows[train], "val": rows[val], "test": rows[test]}
    left_out = len(rows) - sum(len(subset) for subset in subsets.values())
    digest = hashlib.sha256(fingerprint.encode())
    for name, subset in subsets.items():
        if len(subset) == 0:
            raise InputError(
                f"data.split: {len(rows) - left_out} samples leave none for {name}; "
                "give it a larger share"
            )
        subsets[name] = np.sort(subset)
        digest.update(f"{name}:{','.join(keys[subsets[name]])};".encode())
    return SplitRows(**subsets, digest=digest.hexdigest()[:16], left_out=left_out)


def write_split(path: Path, samples: pd.DataFrame, split: SplitRows) -> None:
    """Write a split as the CSV list that `Split.file` reads; a sample in no subset is not in it.

    The file appears at the end, at once, in place of what was there. Its folder is made where
    missing.

    Raises:
        InputError: the path cannot be written.
    """
    subsets = pd.concat(
        [pd.Series(name, index=getattr(split, name)) for name in SUBSETS]
    ).sort_index()
    listed = samples[["key"]].iloc[subsets.index].assign(subset=subsets.to_numpy())
    try:
        with atomic_path(path) as partial:
            listed.to_csv(partial, index=False, lineterminator="\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None


def _shuffle(keys: npt.NDArray[np.str_], split: Split) -> tuple[Rows, Rows, Rows]:
    """Over the sorted keys, so that the order in an archive does not matter."""
    by_key = np.argsort(keys, kind="stable")
    order = by_key[np.random.default_rng(split.seed).permutation(len(keys))]
    val_start = round(len(keys) * split.train)
    test_start = round(len(keys) * (split.train + split.val))
    return order[:val_start], order[val_start:test_start], order[test_start:]


def _torch_random_split(keys: npt.NDArray[np.str_], split: Split) -> tuple[Rows, Rows, Rows]:
    """A permutation by torch's global generator: the front trains, the back tests."""
    count, order = len(keys), _torch_order(keys, split)
    learned = count * round(100 * (split.train + split.val)) // 100
    val_start = learned - round(count * split.val)
    return order[:val_start], order[val_start:learned], order[learned:]


def _torch_random_split_fractions(
    keys: npt.NDArray[np.str_], split: Split
) -> tuple[Rows, Rows, Rows]:
    """The same permutation. Lengths are rounded down; what is left goes to train, then to val."""
    count, order = len(keys), _torch_order(keys, split)
    lengths = [math.floor(count * share) for share in (split.train, split.val, split.test)]
    for number in range(count - sum(lengths)):
        lengths[number] += 1
    train, val, test = np.split(order, np.cumsum(lengths[:-1]))
    return train, val, test


def _torch_order(keys: npt.NDArray[np.str_], split: Split) -> Rows:
    generator = torch.Generator().manual_seed(split.seed)
    return torch.randperm(len(keys), generator=generator).numpy()


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
    "torch_random_split_fractions": _torch_random_split_fractions,
    "sklearn_train_test_split": _sklearn_train_test_split,
}


def _subset_of_samples(samples: pd.DataFrame, split: Split) -> Rows:
    """The number of each sample's subset in `SUBSETS`, or `LEFT_OUT`, drawn by groups."""
    rng = np.random.default_rng(split.seed)
    drawn = [_subset_by_column(samples, column, split, rng) for column in columns_of(split)]
    return np.where(drawn[0] == drawn[-1], drawn[0], LEFT_OUT)


def _subset_by_column(
    samples: pd.DataFrame, column: str, split: Split, rng: np.random.Generator
) -> Rows:
    """The number of each sample's subset, one for all samples that share a value."""
    columns = [name for name in samples.columns if name != "key"]
    if column not in columns:
        raise InputError(
            f"data.split.by: the samples have no column {column!r}"
            f"{suggestion(split.by, ['sample', *columns])}"
        )
    missing = samples["key"][is_missing(samples[column])]
    if missing.size:
        raise InputError(f"data.split.by: the sample {missing.iloc[0]} has no {column}")
    # The values come sorted, so that the order in an archive does not matter.
    values, group, sizes = np.unique(
        samples[column].to_numpy(dtype=str), return_inverse=True, return_counts=True
    )
    if len(values) < len(SUBSETS):
        raise InputError(
            f"data.split.by: three subsets need three groups or more, but {column} is only "
            f"{', '.join(values)}"
        )
    return subset_of_groups(sizes, split, rng)[group]


def is_missing(values: pd.Series) -> npt.NDArray[np.bool_]:
    """(N,) where a column of the samples has no value: nothing, or the empty text."""
    return (values.isna() | (values == "")).to_numpy()


def _listed(path: Path, keys: npt.NDArray[np.str_], rows: Rows) -> dict[str, Rows]:
    """The subsets that a CSV list gives; a sample that it does not name is in none."""
    try:
        listed = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"data.split.file: {path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"data.split.file: {path}: not a CSV table ({error})") from None
    listed = listed if "subset" in listed else listed.rename(columns={"side": "subset"})  # older
    if not {"key", "subset"} <= set(listed):
        raise InputError(f"data.split.file: {path}: needs the columns key,subset")
    if (twice := listed["key"][listed["key"].duplicated()]).size:
        raise InputError(f"data.split.file: {path}: the key {twice.iloc[0]} is listed twice")
    wrong = listed[~listed["subset"].isin(SUBSETS)]
    if wrong.size:
        raise InputError(
            f"data.split.file: {path}: {wrong.iloc[0]['key']} has the subset "
            f"{wrong.iloc[0]['subset']!r}{suggestion(wrong.iloc[0]['subset'], SUBSETS)}"
        )
    unknown = listed[~listed["key"].isin(keys)]
    if unknown.size:
        raise InputError(
            f"data.split.file: {path}: {unknown.iloc[0]['key']} is no sample of the archive"
        )
    subset = pd.Series(keys[rows]).map(listed.set_index("key")["subset"]).to_numpy()
    return {name: rows[subset == name] for name in SUBSETS}
