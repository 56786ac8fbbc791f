"""The names of a dataset's entries, searched by pattern, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.entries import Container, Entries, open_container
from bench.data.layouts.joining import Rows
from bench.errors import InputError
from bench.settings.name_pattern import entry_regex

# What systems leave behind in archives and folders, and the folders themselves.
JUNK = r"(?:^|/)__MACOSX/|(?:^|/)\._[^/]*$|(?:^|/)\.DS_Store$|/$"
_EXAMPLES = 6

Columns = dict[str, Any]  # name -> (N,) arrow array


class Names:
    """The entries of several containers, less what is no file of the dataset's maker.

    Attributes:
        entries: all of them.
        rows: (N,) those that count.
        texts: (N,) their names.
        beside: (N,) whether each lies in the container of the backgrounds.
        backgrounds: that container's path, if there is one.
    """

    def __init__(self, containers: Sequence[Container], backgrounds: str | None = None) -> None:
        beside = [open_container(Path(backgrounds))] if backgrounds is not None else []
        self.entries = Entries([*containers, *beside])
        self.backgrounds = backgrounds
        junk = pc.match_substring_regex(self.entries.names, JUNK)
        self.rows: Rows = np.flatnonzero(~junk.to_numpy(zero_copy_only=False))
        self.texts = self.entries.names.take(pa.array(self.rows))
        self.beside = self.entries.numbers(self.rows) >= len(containers)

    def count(self, pattern: str) -> int:
        """How many of the names the pattern matches."""
        return int(self._matching(entry_regex(pattern)).sum())

    def find(self, pattern: str, *, beside: bool = False) -> tuple[Columns, Rows]:
        """The parts and the rows of the entries that the pattern matches, (M,) each."""
        regex = entry_regex(pattern)
        at = np.flatnonzero(self._matching(regex) & (self.beside == beside))
        return extract(self.texts.take(pa.array(at)), regex), self.rows[at]

    def _matching(self, regex: str) -> npt.NDArray[np.bool_]:
        with _refused_by_re2():
            return np.asarray(pc.match_substring_regex(self.texts, regex))

    def examples(self) -> str:
        """A name out of each of the first folders, for an error's text."""
        if not len(self.texts):
            return "nothing"
        folders = pc.replace_substring_regex(self.texts, "[^/]*$", "")
        by_folder = pa.table({"folder": folders, "name": self.texts}).group_by(
            "folder", use_threads=False
        )
        names = sorted(by_folder.aggregate([("name", "min")])["name_min"].to_pylist())
        more = f" and {len(names) - _EXAMPLES} folders more" if len(names) > _EXAMPLES else ""
        return ", ".join(names[:_EXAMPLES]) + more


@contextmanager
def _refused_by_re2() -> Iterator[None]:
    """Tell which expression RE2 does not take: Python's have more to them."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise InputError(f"layout: {' '.join(str(error).split())}") from None


def extract(texts: pa.LargeStringArray, regex: str) -> Columns:
    """The named parts of each text (N,), empty where the expression does not match."""
    if "(?P<" not in regex:
        return {}
    with _refused_by_re2():
        found = pc.extract_regex(texts, regex)
    return {
        field.name: pc.fill_null(pc.struct_field(found, field.name), "") for field in found.type
    }
