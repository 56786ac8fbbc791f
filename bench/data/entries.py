"""Where a dataset's files lie: zips and folders, read as one list of entries."""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.data.archive import Archive
from bench.errors import InputError


class Container(Protocol):
    """An archive, or what can stand in its place."""

    path: Path
    names: pa.LargeStringArray

    def read(self, row: int) -> bytes:
        """The bytes of the entry at ``row`` of `names`."""

    def fingerprint(self) -> str:
        """A digest that changes whenever a content does."""


class Folder:
    """A folder of files outside of any archive, such as the backgrounds beside it.

    Attributes:
        path: where the folder lies.
        names: (N,) its files, sorted, each with the folder's own name before it.

    Raises:
        InputError: the folder cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._files = sorted(file for file in path.rglob("*") if file.is_file())
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error}") from None
        self.names: pa.LargeStringArray = pa.array(
            [f"{path.name}/{file.relative_to(path).as_posix()}" for file in self._files],
            pa.large_string(),
        )

    def read(self, row: int) -> bytes:
        """The bytes of the file that stands at ``row`` of `names`.

        Raises:
            InputError: the file cannot be read.
        """
        try:
            return self._files[row].read_bytes()
        except OSError as error:
            raise InputError(f"{self._files[row]}: cannot be read: {error}") from None

    def fingerprint(self) -> str:
        """A digest of the files' names and contents."""
        digest = hashlib.sha256()
        for row, name in enumerate(self.names.to_pylist()):
            content = self.read(row)
            digest.update(f"{name}\0{len(content)}\0{zlib.crc32(content)}\n".encode())
        return digest.hexdigest()


def open_container(path: Path) -> Container:
    """The archive or folder at ``path``.

    Raises:
        InputError: there is neither.
    """
    return Folder(path) if path.is_dir() else Archive(path)


class Entries:
    """The entries of several containers, one after the other.

    Attributes:
        containers: where they lie.
        names: (N,) of all containers.
    """

    def __init__(self, containers: Sequence[Container]) -> None:
        self.containers = tuple(containers)
        self.names: pa.LargeStringArray = pa.concat_arrays([c.names for c in containers])
        self._ends = np.cumsum([len(container.names) for container in containers])

    def _place(self, row: int) -> tuple[Container, int]:
        number = int(np.searchsorted(self._ends, row, side="right"))
        return self.containers[number], row - int(self._ends[number - 1] if number else 0)

    def read(self, row: int) -> bytes:
        """The bytes of the entry that stands at ``row`` of `names`.

        Raises:
            InputError: the entry is damaged.
        """
        container, at = self._place(row)
        return container.read(at)

    def where(self, row: int) -> str:
        """The container's path and the entry's name, for an error's text."""
        return f"{self._place(row)[0].path}: {self.names[row]}"

    def find(self, name: str) -> int | None:
        """The row of the entry of that name, the last if a writer appended it again."""
        rows = np.flatnonzero(pc.equal(self.names, name).to_numpy(zero_copy_only=False))
        return int(rows[-1]) if len(rows) else None

    @property
    def paths(self) -> str:
        """The containers' paths, for an error's text."""
        return ", ".join(str(container.path) for container in self.containers)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A digest of all the containers' contents."""
        return "".join(container.fingerprint() for container in self.containers)
