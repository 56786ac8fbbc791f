"""The general layout: entries paired by patterns of their names, by a table, or by both."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.layouts import joining, labels
from bench.data.layouts.joining import Found, Rows
from bench.data.layouts.manifest import KINDS, NO_ENTRY, Manifest
from bench.data.layouts.names import Columns, Names, extract
from bench.errors import InputError
from bench.settings import DepthCoding, Patterns, Source
from bench.settings.name_pattern import file_name, key_regex, parts

NAME = "patterns"


def as_named(columns: Columns) -> Columns:
    """What the names and the table say, as it is."""
    return columns


def read(
    names: Names,
    source: Source,
    patterns: Patterns,
    *,
    name: str = NAME,
    derive: Callable[[Columns], Columns] = as_named,
    depth_coding: DepthCoding = DepthCoding(),  # noqa: B008 - frozen
    mirrors_background: bool = False,
    listing: str | None = None,
) -> Manifest:
    """Pair the entries by their keys, whatever their order; a missing partner is no entry.

    Samples are in the order of the table, or else of their keys.

    Args:
        names: of the archives' entries.
        source: what else the user says of them.
        patterns: how the entries are named.
        name: of the layout.
        derive: makes the samples' columns out of ``key`` and what the names tell.
        depth_coding: where the source has none.
        mirrors_background: whether samples whose column ``mirrored`` is 1 were made on the mirror
            image of their background.
        listing: a pattern of texts that list the composites, one a line: only compared.

    Raises:
        InputError: there is no composite, a table is at fault, or two entries claim one place.
    """
    images = {
        kind: _find(names, patterns, kind) for kind in KINDS if getattr(patterns, kind) is not None
    }
    remarks: list[str] = []
    if patterns.labels is not None:
        columns, remarks = labels.read(names, patterns.labels, patterns.columns)
    else:
        columns = _in_order(images["composite"])
    if patterns.background_of is not None:
        columns |= extract(columns["key"], key_regex(patterns.background_of))
    columns = derive(columns)
    keys = columns.pop("key")
    rows: dict[str, Rows] = {}
    if patterns.labels is not None:
        ids = {"background"} & images.keys()  # no paths, where there is a pattern for them
        cells = {kind: columns.pop(kind) for kind in KINDS if kind in columns.keys() - ids}
        paths = {kind: cell for kind, cell in cells.items() if kind not in images}
        rows, ambiguous = labels.match(names, paths)
        remarks += ambiguous
        if "background" in cells:
            columns["background"] = joining.stems(cells["background"])
    if patterns.background is not None:
        columns["background"] = _background_ids(patterns.background, columns, keys)
    background = columns.pop("background", pa.array([""] * len(keys), pa.large_string()))
    for kind, (_, found) in images.items():
        ids = background if kind == "background" else keys
        rows[kind] = joining.rows_of(ids, found)
        remarks += _remarks(names, kind, found, ids)
    rows = {kind: rows.get(kind, np.full(len(keys), NO_ENTRY)) for kind in KINDS}
    if (rows["composite"] == NO_ENTRY).all():
        told = patterns.composite or f"the paths in {patterns.labels}"
        raise InputError(
            f"{names.entries.paths}: no composite is named like {told}; what there is: "
            f"{names.examples()}"
        )
    if listing is not None:
        remarks += labels.compare(names, listing, keys)
    samples = pa.table({"key": keys, "background": background, **columns}).to_pandas()
    mirrored = samples["mirrored"] == "1" if mirrors_background else False
    return Manifest(
        name=name,
        entries=names.entries,
        samples=samples.assign(
            background_mirrored=mirrored, **{f"{kind}_entry": rows[kind] for kind in KINDS}
        ),
        mask_threshold=source.mask_threshold,
        depth_coding=source.depth or depth_coding,
        remarks=(*remarks, *_absent(patterns, rows), *_idle(names, rows)),
    )


class _Images(NamedTuple):
    """The entries of a kind: the parts of all the names that fit, and one entry an id."""

    columns: Columns
    found: Found


def _find(names: Names, patterns: Patterns, kind: str) -> _Images:
    pattern = getattr(patterns, kind)
    beside = kind == "background" and names.backgrounds is not None
    columns, rows = names.find(file_name(pattern) if beside else pattern, beside=beside)
    if beside and not len(rows):
        raise InputError(
            f"backgrounds: {names.backgrounds}: no file is named like {file_name(pattern)}"
        )
    identity = parts(pattern if kind == "background" else patterns.composite or pattern)
    ids = _joined([columns[part] for part in identity], len(rows))
    return _Images(columns, joining.one_each(names.entries, ids, rows))


def _joined(columns: list[pa.LargeStringArray], length: int) -> pa.LargeStringArray:
    """The parts of each name with slashes between them; empty where there is no part."""
    if not columns:
        return pa.array([""] * length, pa.large_string())
    return pc.binary_join_element_wise(*columns, pa.scalar("/", pa.large_string()))


def _in_order(composites: _Images) -> Columns:
    """The samples that the composites' names tell of, sorted by key."""
    order = pc.sort_indices(composites.found.keys)
    at = pa.array(composites.found.at).take(order)
    columns = {part: column.take(at) for part, column in composites.columns.items()}
    return {**columns, "key": composites.found.keys.take(order)}


def _background_ids(
    pattern: str, columns: Columns, keys: pa.LargeStringArray
) -> pa.LargeStringArray:
    """Which background each sample has, by the parts that the pattern names."""
    told = {**columns, "key": keys}
    for part in parts(pattern):
        if part not in told:
            raise InputError(
                f"layout: nothing tells a sample's {{{part}}}, by which its background "
                f"{pattern} is found (known: {', '.join(told)}); add background_of, a pattern of "
                f"the key, as in {{{part}}}_*, or a column of a table"
            )
    return _joined([told[part] for part in parts(pattern)], len(keys))


def _remarks(names: Names, kind: str, found: Found, ids: pa.LargeStringArray) -> list[str]:
    """What is worth saying of the entries of a kind that have a pattern."""
    remarks = []
    if found.repeats:
        remarks.append(f"{found.repeats} {kind} entries are repeated; the last of each is read")
    alone = found.rows[~pc.is_in(found.keys, value_set=ids).to_numpy(zero_copy_only=False)]
    if len(alone) and kind != "background":
        lack = "are not in the table" if kind == "composite" else "have no composite"
        first = names.entries.where(int(alone.min()))
        remarks.append(f"{len(alone)} {kind} entries {lack}, the first is {first}")
    return remarks


def _absent(patterns: Patterns, rows: dict[str, Rows]) -> list[str]:
    """Which kinds no sample has."""
    return [
        f"no sample has {'an' if kind == 'unknown' else 'a'} {kind}"
        + (f" named like {pattern}" if pattern else "")
        for kind in KINDS
        for pattern in [getattr(patterns, kind)]
        if (rows[kind] == NO_ENTRY).all() and (kind != "unknown" or pattern)
    ]


def _idle(names: Names, rows: dict[str, Rows]) -> list[str]:
    """Which containers hold no image of a sample."""
    used = np.concatenate([of_kind[of_kind != NO_ENTRY] for of_kind in rows.values()])
    busy = set(np.unique(names.entries.numbers(used)).tolist())
    return [
        f"{container.path}: holds no image of any sample"
        for number, container in enumerate(names.entries.containers)
        if number not in busy and container.path.suffix not in {".csv", ".txt"}
    ]
