"""Which entry a key, or a path in a table, stands for: looked up for all samples at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.entries import Entries
from bench.data.layouts.manifest import NO_ENTRY
from bench.errors import InputError

Rows = npt.NDArray[np.int64]

_PATH = r"[^/\\][/\\][^/\\]*\.[A-Za-z]\w*$"  # of a file in a folder


class Found(NamedTuple):
    """One entry a key.

    Attributes:
        keys: (K,) distinct.
        rows: (K,) the entry of each.
        at: (K,) the place of the entry among those that were given.
        repeats: how many more entries had one of the keys.
    """

    keys: pa.LargeStringArray
    rows: Rows
    at: Rows
    repeats: int


def one_each(entries: Entries, keys: pa.LargeStringArray, rows: Rows) -> Found:
    """Keep one of the entries (N,) that have the same key (N,): the last that was written.

    Raises:
        InputError: entries of different names, or in different archives, have the same key and not
            the same content.
    """
    places = pa.table({"key": keys, "at": np.arange(len(keys))})
    last = places.group_by("key", use_threads=False).aggregate([("at", "max")])["at_max"].to_numpy()
    found = Found(keys.take(pa.array(last)), rows[last], last, len(keys) - len(last))
    if found.repeats:
        _require_same_content(entries, rows, rows_of(keys, found))
    return found


def _require_same_content(entries: Entries, rows: Rows, kept: Rows) -> None:
    moved = pc.not_equal(entries.names.take(pa.array(rows)), entries.names.take(pa.array(kept)))
    elsewhere = moved.to_numpy(zero_copy_only=False)
    elsewhere |= entries.numbers(rows) != entries.numbers(kept)
    for one, other in zip(rows[elsewhere].tolist(), kept[elsewhere].tolist(), strict=True):
        if entries.checksum(one) != entries.checksum(other):
            raise InputError(
                f"{entries.where(one)} and {entries.where(other)} differ, but would be the same "
                "image; leave one out, or tell them apart by a layout of your own"
            )


def rows_of(keys: pa.LargeStringArray, found: Found) -> Rows:
    """The entry of each of the keys (N,), or `NO_ENTRY`."""
    at = _numbers(pc.index_in(keys, value_set=found.keys))
    return np.where(at < 0, NO_ENTRY, found.rows[at]) if len(found.rows) else at


def _numbers(places: pa.Int32Array) -> Rows:
    return np.asarray(places.fill_null(NO_ENTRY), np.int64)


class Matched(NamedTuple):
    """What the paths of a table's column stand for.

    Attributes:
        rows: (N,) the entry of each path, or `NO_ENTRY`.
        lengths: (N,) how many folders and names at the end the two have in common.
        ambiguous: how many of the paths fit several entries equally well.
    """

    rows: Rows
    lengths: Rows
    ambiguous: int


def by_ending(
    paths: pa.LargeStringArray, entries: Entries, names: pa.LargeStringArray, rows: Rows
) -> Matched:
    """The entry whose name has the longest ending in common with each path (N,).

    A table may hold absolute paths of another machine, and an archive may lie in more folders than
    the table tells.

    Args:
        paths: as the table has them; an empty one stands for none.
        entries: where the rows are of.
        names: (M,) of the entries that come into question.
        rows: (M,) theirs.

    Raises:
        InputError: two of the entries have one name and not the same content.
    """
    paths, names = _plain(paths), _plain(names)
    found, lengths = np.full(len(paths), NO_ENTRY), np.zeros(len(paths), np.int64)
    left = np.flatnonzero(np.asarray(pc.not_equal(paths, "")))
    ambiguous = 0
    for length in range(min(_depth(paths), _depth(names)), 0, -1):
        if not len(left):
            break
        wanted, endings = _ending(paths.take(pa.array(left)), length), _ending(names, length)
        near = np.flatnonzero(np.asarray(pc.is_in(endings, value_set=wanted, skip_nulls=True)))
        near = near[one_each(entries, names.take(pa.array(near)), rows[near]).at]
        known = (
            pa.table({"ending": endings.take(pa.array(near)), "row": rows[near]})
            .group_by("ending", use_threads=False)
            .aggregate([("row", "max"), ("row", "count")])
            .combine_chunks()
        )
        at = _numbers(pc.index_in(wanted, value_set=known["ending"], skip_nulls=True))
        hit = at >= 0
        single = hit.copy()
        single[hit] = known["row_count"].to_numpy()[at[hit]] == 1
        found[left[single]] = known["row_max"].to_numpy()[at[single]]
        lengths[left[single]] = length
        ambiguous += int((hit & ~single).sum())
        left = left[~hit]
    return Matched(found, lengths, ambiguous)


def named_files(columns: Mapping[str, pa.LargeStringArray], entries: Entries) -> dict[str, Rows]:
    """The entries that the cells (N,) of each column name by folder and file, or `NO_ENTRY`.

    A column whose first cell is no path, or that names no entry, is left out.
    """
    found = {}
    for column, cells in columns.items():
        filled = cells.filter(pc.not_equal(cells, "")).slice(0, 1)
        if pc.any(pc.match_substring_regex(filled, _PATH)).as_py():
            matched = by_ending(cells, entries, entries.names, np.arange(len(entries.names)))
            rows = np.where(matched.lengths > 1, matched.rows, NO_ENTRY)
            if (rows != NO_ENTRY).any():
                found[column] = rows
    return found


def stems(paths: pa.LargeStringArray) -> pa.LargeStringArray:
    """The file names less their endings; the whole paths, if two would be called the same."""
    plain = _plain(paths)
    names = pc.replace_substring_regex(plain, r"^(?:.*/)?([^/]+?)(?:\.[^./]*)?$", r"\1")
    return names if pc.count_distinct(names) == pc.count_distinct(plain) else plain


def _plain(paths: pa.LargeStringArray) -> pa.LargeStringArray:
    forward = pc.replace_substring(paths, "\\", "/")
    rootless = pc.replace_substring_regex(forward, r"^(?:\.?/)+", "")
    return pc.replace_substring_regex(rootless, "(?:Copy of )+([^/]*)$", r"\1")


def _depth(paths: pa.LargeStringArray) -> int:
    return 1 + (pc.max(pc.count_substring(paths, "/")).as_py() or 0)


def _ending(paths: pa.LargeStringArray, length: int) -> pa.LargeStringArray:
    """The last ``length`` folders and names of each path; null for a path that has fewer."""
    regex = rf"(?:^|/)(?P<ending>[^/]+(?:/[^/]+){{{length - 1}}})$"
    return pc.struct_field(pc.extract_regex(paths, regex), "ending")
