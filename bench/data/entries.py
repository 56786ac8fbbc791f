"""Where a dataset's files lie: zips and folders, read as one list of entries."""

from __future__ import annotations

import functools
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
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

    def checksum(self, row: int) -> tuple[int, int]:
        """The size of the entry at ``row`` in bytes, and its CRC-32."""

    def fingerprint(self) -> str:
        """A digest that changes whenever a content does."""


class Folder:
    """Files outside of any archive: a folder of them, such as the backgrounds beside it, or one.

    Attributes:
        path: where the folder or the file lies.
        names: (N,) the files, sorted, each with the folder's own name before it.

    Raises:
        InputError: the folder cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parent = path.resolve().parent
        try:
            names = sorted(self._files()) if path.is_dir() else [path.resolve().name]
            self.names: pa.LargeStringArray = pa.array(names, pa.large_string())
        except (OSError, UnicodeEncodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from None

    def _files(self) -> Iterator[str]:
        def stop(error: OSError) -> None:
            raise error

        for folder, _, files in os.walk(self.path.resolve(), onerror=stop):
            inside = Path(folder).relative_to(self._parent).as_posix()
            yield from (f"{inside}/{file}" for file in files)

    def read(self, row: int) -> bytes:
        """The bytes of the file that stands at ``row`` of `names`.

        Raises:
            InputError: the file cannot be read.
        """
        file = self._parent / str(self.names[row])
        try:
            return file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error}") from None

    def checksum(self, row: int) -> tuple[int, int]:
        """The size of the file at ``row`` in bytes, and its CRC-32."""
        content = self.read(row)
        return len(content), zlib.crc32(content)

    def fingerprint(self) -> str:
        """A digest of the files' names and contents."""
        digest = hashlib.sha256()
        for row, name in enumerate(self.names):
            size, checksum = self.checksum(row)
            digest.update(f"{name}\0{size}\0{checksum}\n".encode())
        return digest.hexdigest()


def open_container(path: Path) -> Container:
    """The archive, folder, or single list (``.csv``, ``.txt``) at ``path``.

    Raises:
        InputError: there is none.
    """
    try:
        is_list = path.suffix.lower() in {".csv", ".txt"} and path.exists()
        is_folder = path.is_dir()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return Folder(path) if is_folder or is_list else Archive(path)


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

    def __reduce__(self) -> tuple[type[Entries], tuple[tuple[Container, ...]]]:
        """The names are the containers' own."""
        return Entries, (self.containers,)

    def place(self, row: int) -> tuple[Container, int]:
        """The container that holds the entry at ``row``, and the entry's row in there."""
        number = int(np.searchsorted(self._ends, row, side="right"))
        return self.containers[number], row - int(self._ends[number - 1] if number else 0)

    def read(self, row: int) -> bytes:
        """The bytes of the entry that stands at ``row`` of `names`.

        Raises:
            InputError: the entry is damaged.
        """
        container, at = self.place(row)
        return container.read(at)

    def checksum(self, row: int) -> tuple[int, int]:
        """The size of the entry at ``row`` in bytes, and its CRC-32."""
        container, at = self.place(row)
        return container.checksum(at)

    def numbers(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which of the containers each of the entries at ``rows`` lies in."""
        return np.searchsorted(self._ends, rows, side="right")

    def where(self, row: int) -> str:
        """The container's path and the entry's name, for an error's text."""
        return f"{self.place(row)[0].path}: {self.names[row]}"

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
        """A digest of all the containers' contents, whatever their order."""
        return "".join(sorted(container.fingerprint() for container in self.containers))
