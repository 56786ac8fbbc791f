"""The layout that `bench data make` and `bench data convert` write.

An archive holds ``background/<id>.jpg``, ``composite/<key>.jpg``, ``mask/<key>.png``,
``depth/<key>.png``, ``unknown/<key>.png`` (above 127 where the mask is not known),
``samples.csv`` (key, background, and any further columns) and ``dataset.json`` (how depth is
coded). Images may be JPEG or PNG whatever the folder; a folder that the archive has
not at all is a task, or an input, that it has not. All of it may lie in one more folder.
"""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.data.entries import Entries
from bench.data.layouts import joining, labels, table
from bench.data.layouts.manifest import KINDS, Manifest
from bench.data.layouts.names import Columns
from bench.errors import InputError
from bench.settings import DepthCoding, Source

NAME = "canonical"


class _StatedCoding(DepthCoding):
    model_config = ConfigDict(extra="ignore")  # an archive may say more about its depth


class _Description(BaseModel):
    format: Literal[1]
    depth: _StatedCoding = _StatedCoding()


def find_root(names: pa.LargeStringArray) -> str | None:
    """The folder (with its slash, or empty) that holds a canonical dataset, if one does."""
    described = names.filter(pc.match_substring_regex(names, r"^([^/]+/)?dataset\.json$"))
    for name in sorted(described.to_pylist(), key=len):
        root = name.removesuffix("dataset.json")
        if pc.any(pc.equal(names, f"{root}samples.csv")).as_py():
            return str(root)
    return None


def read(entries: Entries, source: Source) -> Manifest:
    """Pair the entries by the keys in ``samples.csv``; a missing partner is no entry.

    Raises:
        InputError: ``samples.csv`` or ``dataset.json`` is missing or at fault.
    """
    root = find_root(entries.names)
    if root is None:
        raise InputError(
            f"{entries.paths}: has no samples.csv and dataset.json, which a canonical archive "
            "holds beside background/, composite/, mask/ and depth/"
        )
    columns = _read_samples(entries, root)
    samples = pa.table(columns).to_pandas()
    remarks = []
    for kind in KINDS:
        found = _images(entries, root, kind)
        ids = columns["background" if kind == "background" else "key"]
        samples[f"{kind}_entry"] = joining.rows_of(ids, found)
        if found.repeats:
            remarks.append(f"{found.repeats} {kind} entries are repeated; the last of each is read")
    return Manifest(
        name=NAME,
        entries=entries,
        samples=samples.assign(background_mirrored=False),
        mask_threshold=source.mask_threshold,
        depth_coding=source.depth or _read_description(entries, root).depth,
        remarks=tuple(remarks),
    )


def _images(entries: Entries, root: str, kind: str) -> joining.Found:
    """The images of a kind by their ids."""
    folder = f"{root}{kind}/"
    inside = pc.starts_with(entries.names, folder)
    rows = np.flatnonzero(inside.to_numpy(zero_copy_only=False))
    names = pc.utf8_slice_codeunits(entries.names.take(pa.array(rows)), len(folder))
    ids = pc.struct_field(pc.extract_regex(names, r"^(?P<id>.+)\.(?i:jpg|jpeg|png)$"), "id")
    is_image = ids.is_valid()
    return joining.one_each(
        entries, ids.filter(is_image), rows[is_image.to_numpy(zero_copy_only=False)]
    )


def _read_samples(entries: Entries, root: str) -> Columns:
    row = entries.find(f"{root}samples.csv")
    where = f"{entries.paths}: {root}samples.csv"
    samples = table.read_csv(entries.read(row) if row is not None else b"", where)
    for column in ("key", "background"):
        if column not in samples.column_names:
            raise InputError(
                f"{where}: has no column {column!r} (columns: {', '.join(samples.column_names)})"
            )
    columns = {name: samples[name].combine_chunks() for name in samples.column_names}
    labels.require_distinct(columns["key"], where)
    return columns


def _read_description(entries: Entries, root: str) -> _Description:
    row = entries.find(f"{root}dataset.json")
    where = f"{entries.paths}: {root}dataset.json"
    try:
        return _Description.model_validate(json.loads(entries.read(row) if row is not None else ""))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{where}: not valid JSON ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where}: {place}: {first['msg']}, not {first['input']!r}") from None
