"""A zip that outlives a killed program: every entry is safe from the moment it is written.

A zip's directory comes last, and without it the usual tools read nothing. Here each entry is
written whole behind a header that already has its length and checksum, so that those which are
complete are found again by walking from header to header.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Self, cast

from bench.errors import InputError

_HEADER = struct.Struct("<4s5H3I2H")
_HEADER_SIGNATURE = b"PK\3\4"


class GrowingZip:
    """An uncompressed zip beside its target that grows by whole entries, over several runs.

    Its first entry records what is being made. A file that begins with another record is left
    alone; one that begins with the same record is gone on with, less a last entry cut short.

    Args:
        target: the zip to become; until then it is called ``<target>.partial``.
        record: name and content of the first entry.

    Raises:
        InputError: the partial file was begun with another record.
    """

    def __init__(self, target: Path, record: tuple[str, bytes]) -> None:
        self._target = target
        self._path = target.with_name(f"{target.name}.partial")
        self._entries = _Directory()
        target.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch()
        self._file = self._path.open("r+b")
        try:
            self._recover(record)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def write(self, name: str, content: bytes) -> None:
        """Add an entry that does not tell when or where it was written."""
        entry = _entry(name, self._file.tell(), len(content), zlib.crc32(content))
        self._file.write(entry.FileHeader() + content)
        self._entries.add(entry)

    def finish(self) -> None:
        """Add the directory, put everything on the disk and give the file its name."""
        with zipfile.ZipFile(self._file, "w") as archive:  # begins where the file now ends
            archive.filelist = cast("list[zipfile.ZipInfo]", self._entries)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.replace(self._target)

    def _recover(self, record: tuple[str, bytes]) -> None:
        name, content = record
        first = _entry(name, 0, len(content), zlib.crc32(content)).FileHeader() + content
        if not first.startswith(self._file.read(len(first))):
            raise InputError(
                f"{self._path}: was begun with other settings or images (its first lines show "
                "them); repeat that command to finish it, or delete it to start over"
            )
        end = self._file.seek(0)
        while (entry := self._next_entry()) is not None:
            self._entries.add(entry)
            end = self._file.tell()
        self._file.truncate(self._file.seek(end))
        if name not in self:
            self.write(name, content)

    def _next_entry(self) -> zipfile.ZipInfo | None:
        """The entry that begins here, or None if none that is complete does."""
        offset = self._file.tell()
        header = self._file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(_HEADER_SIGNATURE):
            return None
        *_, checksum, _, size, name_length, _ = _HEADER.unpack(header)
        name, content = self._file.read(name_length), self._file.read(size)
        if len(content) < size or zlib.crc32(content) != checksum:
            return None
        return _entry(name.decode(), offset, size, checksum)


class _Directory:
    """The entries in the order in which they were added.

    A `ZipInfo` takes a kilobyte, and a large dataset has a million entries: each is made when the
    directory is written, and until then its numbers are kept in columns.
    """

    def __init__(self) -> None:
        self._names: dict[str, None] = {}
        self._offsets, self._sizes, self._checksums = array("Q"), array("Q"), array("Q")

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[zipfile.ZipInfo]:
        return map(_entry, self._names, self._offsets, self._sizes, self._checksums)

    def add(self, entry: zipfile.ZipInfo) -> None:
        """Note an entry, whose name must be new."""
        self._names[entry.filename] = None
        self._offsets.append(entry.header_offset)
        self._sizes.append(entry.file_size)
        self._checksums.append(entry.CRC)


def _entry(name: str, offset: int, size: int, checksum: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3
    entry.external_attr = 0o644 << 16
    entry.header_offset = offset
    entry.file_size = entry.compress_size = size
    entry.CRC = checksum
    return entry
