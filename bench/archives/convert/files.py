"""Which files a converted archive holds, under which names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bench.archives.paste.samples import mirrored_id
from bench.data.layouts import KINDS, NO_ENTRY, PLACE, Manifest
from bench.data.layouts.joining import named_files
from bench.data.layouts.names import JUNK
from bench.errors import InputError

_TABLES = r"(?:^|/)(?:samples\.csv|labels\.csv|dataset\.json)$"  # whose content is written anew
# An empty part, one that leads out of the folder, and signs that a name cannot have.
_NO_NAME = r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\\]"


class File(NamedTuple):
    """A file to write.

    Attributes:
        name: of the entry to write; of an image less its ending.
        kind: one of `bench.data.layouts.KINDS`, or the column that names the file.
        layout, row: where it is.
        mirrored: whether its mirror image is meant.
    """

    name: str
    kind: str
    layout: Manifest
    row: int
    mirrored: bool = False

    def checksum(self) -> tuple[int, int]:
        """The size in bytes, and the CRC-32, of the file as it is there."""
        return self.layout.entries.checksum(self.row)


class Contents(NamedTuple):
    """What a converted archive holds.

    Attributes:
        samples: ``samples.csv``: key, background, and the further columns.
        files: in the order in which they are written.
        total: how many they are.
        left_out: the names of the originals' files that no sample names.
    """

    samples: pd.DataFrame
    files: Iterator[File]
    total: int
    left_out: tuple[str, ...]


def select_files(layouts: Sequence[Manifest], kinds: Sequence[str]) -> Contents:
    """Return what an archive of the datasets holds.

    Args:
        layouts: the datasets.
        kinds: those that all of them have.

    Raises:
        InputError: a key or background cannot name a file, or two backgrounds have one id.
    """
    tables, further = zip(*map(_further_files, layouts), strict=True)
    samples = _samples(tables)
    _require_names(samples, kinds)
    places = _places(layouts, samples)
    backgrounds = _backgrounds(layouts, places) if "background" in kinds else []
    others = [kind for kind in kinds if kind != "background"]
    named = list(chain(*further))
    return Contents(
        samples,
        files=chain(backgrounds, _images_of_samples(layouts, others, places), named),
        total=len(backgrounds) + len(samples) * len(others) + len(named),
        left_out=_left_out(layouts, named),
    )


def _further_files(layout: Manifest) -> tuple[pd.DataFrame, list[File]]:
    """The samples, with columns that name files naming their copies; and these files, each once."""
    samples = layout.samples.copy()
    told = samples.columns.drop(["key", "background", *PLACE, *KINDS], errors="ignore")
    columns = {column: pa.array(samples[column], pa.large_string()) for column in told}
    found: dict[tuple[str, int], File] = {}
    for column, rows in named_files(columns, layout.entries).items():
        cells = samples[column].tolist()
        for at, (key, row) in enumerate(zip(samples["key"], rows.tolist(), strict=True)):
            if row != NO_ENTRY:
                ending = PurePosixPath(str(layout.entries.names[row])).suffix
                copy = File(f"{column}/{key}{ending}", column, layout, row)
                cells[at] = found.setdefault((column, row), copy).name
        samples[column] = cells
    return samples, list(found.values())


def _left_out(layouts: Sequence[Manifest], further: Sequence[File]) -> tuple[str, ...]:
    """The names of the files that no sample names, less tables."""
    left: list[str] = []
    for layout in layouts:
        rows = [layout.samples[f"{kind}_entry"].to_numpy() for kind in KINDS]
        rows.append(np.array([one.row for one in further if one.layout is layout], np.int64))
        used = np.concatenate(rows)
        names = layout.entries.names
        known = pc.is_in(names, value_set=names.take(pa.array(used[used != NO_ENTRY])))
        known = pc.or_(known, pc.match_substring_regex(names, f"{JUNK}|{_TABLES}"))
        left += names.filter(pc.invert(known)).to_pylist()
    return tuple(left)


def _samples(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """``samples.csv`` of all datasets: key, background, and the further columns.

    The mirror image of a background becomes a background of its own. ``scene`` then tells that the
    two show the same place, unless the dataset has such a column already.
    """
    samples = pd.concat(tables, ignore_index=True)
    mirrored = samples["background_mirrored"].astype(bool)
    samples = samples.drop(columns=list(PLACE))
    if mirrored.any():
        if "scene" not in samples:
            samples["scene"] = samples["background"]
        twins = samples["background"].map(mirrored_id)
        samples["background"] = samples["background"].where(~mirrored, twins)
    return samples


def _places(layouts: Sequence[Manifest], samples: pd.DataFrame) -> pd.DataFrame:
    """Where the samples' images are: of a `Manifest` the columns `PLACE`, and its number."""
    places = pd.concat(
        [layout.samples[list(PLACE)].assign(source=n) for n, layout in enumerate(layouts)],
        ignore_index=True,
    )
    return places.assign(key=samples["key"], background=samples["background"])


def _require_names(samples: pd.DataFrame, kinds: Sequence[str]) -> None:
    for column in ("key", "background") if "background" in kinds else ("key",):
        wrong = samples.loc[samples[column].str.contains(_NO_NAME), column]
        if len(wrong):
            raise InputError(f"the {column} {wrong.iloc[0]!r} cannot name a file; rename it")


def _backgrounds(layouts: Sequence[Manifest], places: pd.DataFrame) -> list[File]:
    """The backgrounds, each id once.

    Raises:
        InputError: two images whose bytes differ have one id.
    """
    columns = ["background", "source", "background_entry", "background_mirrored"]
    found: dict[str, File] = {}
    for name, source, row, mirrored in places[columns].drop_duplicates().to_numpy().tolist():
        one = File(f"background/{name}", "background", layouts[source], row, mirrored)
        other = found.setdefault(one.name, one)
        if one.mirrored != other.mirrored or (
            one is not other and one.checksum() != other.checksum()
        ):
            raise InputError(
                f"{other.layout.entries.where(other.row)} and {one.layout.entries.where(row)} "
                f"differ, but would both be the background {name}; convert them one by one"
            )
    return list(found.values())


def _images_of_samples(
    layouts: Sequence[Manifest], kinds: Sequence[str], places: pd.DataFrame
) -> Iterator[File]:
    """The other images of the samples, in their order."""
    entries = [places[f"{kind}_entry"] for kind in kinds]
    for key, source, *rows in zip(places["key"], places["source"], *entries, strict=True):
        for kind, row in zip(kinds, rows, strict=True):
            yield File(f"{kind}/{key}", kind, layouts[source], row)
