"""Samples that a table lists: which columns are what, and which entries its paths stand for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.entries import Entries
from bench.data.layouts import joining, table
from bench.data.layouts.joining import Rows
from bench.data.layouts.manifest import KINDS, NO_ENTRY
from bench.data.layouts.names import Columns, Names
from bench.errors import InputError, suggestion


def read(names: Names, labels: str, called: dict[str, str]) -> tuple[Columns, list[str]]:
    """The table's columns (N,), ``key`` among them, and what is worth a remark.

    Args:
        names: of the archives' entries.
        labels: a pattern of the table; several that match are put together.
        called: our name for a column -> the table's.

    Raises:
        InputError: there is no such table, a column is missing, or a key is listed twice.
    """
    where, theirs = content(names, labels)
    if not theirs:
        raise InputError(
            f"{names.entries.paths}: no table is named like {labels}; what there is: "
            f"{names.examples()}"
        )
    for name in called.values():
        if name not in theirs:
            raise InputError(f"{where}: has no column {name!r}{suggestion(name, theirs)}")
    named = {ours: theirs[name] for ours, name in called.items()}
    columns = named | {n: theirs[n] for n in theirs if n not in {*called, *called.values()}}
    if "key" not in columns:
        if "composite" not in columns:
            raise InputError(
                f"{where}: has neither a column 'key' nor 'composite' (columns: "
                f"{', '.join(columns)}); say under columns which they are, as in {{key: id}}"
            )
        columns["key"] = joining.stems(columns["composite"])
    require_distinct(columns["key"], where)
    ours = {*called.values(), *(set(KINDS) - called.keys())}
    unread = [
        name + (f" ({name} is read from {called[name]})" if name in called else "")
        for name in first_files(names, {n: theirs[n] for n in theirs if n not in ours})
    ]
    remarks = [f"{labels} names files that are not read: {', '.join(unread)}"] if unread else []
    return columns, remarks


def content(names: Names, labels: str) -> tuple[str, Columns]:
    """Where the table lies, and its columns by its own names; none where there is no such entry.

    Raises:
        InputError: it is no table.
    """
    # An entry that was appended again counts once.
    rows = {names.entries.where(row): row for row in names.find(labels)[1].tolist()}
    if not rows:
        return "", {}
    tables = [_read(names.entries, row) for row in rows.values()]
    whole = pa.concat_tables(tables, promote_options="default")
    columns = {n: pc.fill_null(whole[n].combine_chunks(), "") for n in whole.column_names}
    return ", ".join(rows), columns


def first_files(names: Names, columns: Columns) -> dict[str, int]:
    """The entry that each column's first cell with something in it names, if it names one."""
    first = {n: cells.filter(pc.not_equal(cells, "")).slice(0, 1) for n, cells in columns.items()}
    return {n: int(rows[0]) for n, rows in joining.named_files(first, names.entries).items()}


def _read(entries: Entries, row: int) -> pa.Table:
    where, content = entries.where(row), entries.read(row)
    if where.lower().endswith(".txt"):
        return pa.table({"composite": table.read_lines(content, where)})
    return table.read_csv(content, where)


def require_distinct(keys: pa.LargeStringArray, where: str) -> None:
    """Make sure that there are samples, and one for each key.

    Raises:
        InputError: there is none, or a key is listed twice.
    """
    if not len(keys):
        raise InputError(f"{where}: lists no sample")
    counts = pc.value_counts(keys)
    repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
    if len(repeated):
        raise InputError(f"{where}: the key {repeated[0]['values']} is listed twice")


def match(names: Names, cells: Columns) -> tuple[dict[str, Rows], list[str]]:
    """The entries that the paths of each kind (N,) stand for, and what is worth a remark."""
    matched = {}
    for kind, paths in cells.items():
        beside = kind == "background" and names.backgrounds is not None
        at = np.flatnonzero(names.beside == beside)
        texts = names.texts.take(pa.array(at))
        matched[kind] = joining.by_ending(paths, names.entries, texts, names.rows[at])
    # Where an image is missing, its name alone can fit one of another kind: an entry belongs to
    # the column whose paths have the most in common with it.
    best = np.zeros(len(names.entries.names) + 1, np.int64)  # one more, for `NO_ENTRY`
    for found in matched.values():
        np.maximum.at(best, found.rows, found.lengths)
    rows = {
        kind: np.where(found.lengths < best[found.rows], NO_ENTRY, found.rows)
        for kind, found in matched.items()
    }
    remarks = [
        f"{found.ambiguous} of the table's paths of a {kind} fit several entries alike"
        for kind, found in matched.items()
        if found.ambiguous
    ]
    return rows, remarks


def compare(names: Names, listing: str, keys: pa.LargeStringArray) -> list[str]:
    """What is worth a remark of a text that lists the composites' file names, one a line."""
    remarks: list[str] = []
    _, rows = names.find(listing)
    texts = {names.entries.where(row): row for row in rows.tolist()}
    if not texts:
        return remarks
    listed = pa.concat_arrays(
        [
            joining.stems(table.read_lines(names.entries.read(row), where))
            for where, row in texts.items()
        ]
    )
    missing = listed.filter(pc.invert(pc.is_in(listed, value_set=keys)))
    unlisted = keys.filter(pc.invert(pc.is_in(keys, value_set=listed)))
    if len(missing):
        remarks.append(f"{listing} lists {len(missing)} composites more, such as {missing[0]}")
    if len(unlisted):
        remarks.append(f"{listing} leaves out {len(unlisted)} composites, such as {unlisted[0]}")
    return remarks
