"""Zip archives, read in place: entries by row or name, never extracted."""

from __future__ import annotations

import functools
import hashlib
import os
import struct
import zlib
from pathlib import Path

import pyarrow as pa

from bench.data.central_directory import DamagedError, read_central_directory
from bench.errors import InputError

LARGEST_ENTRY = 2**28  # bytes: no image and no table is larger, so more is damage or a trap
_HEADER = struct.Struct("<4s5H3L2H")
_ROOM_FOR_EXTRA = 64  # bytes of extra fields that most entries' headers stay below
_STORED, _DEFLATED = 0, 8


class Archive:
    """A zip opened for reading, by any number of threads at once.

    Attributes:
        path: where the zip lies.
        names: (N,) every entry, in the archive's order; folders end with a slash.
        sizes: (N,) bytes of each when unpacked.

    Raises:
        InputError: the file is missing, no zip, or truncated.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
            with path.open("rb") as file:
                self._index = read_central_directory(file)
        except FileNotFoundError:
            raise InputError(f"{path}: no such archive") from None
        except (DamagedError, OSError) as error:
            raise InputError(
                f"{path}: not a zip archive, or truncated ({error}); fetch or make it anew"
            ) from None
        self.names: pa.LargeStringArray = self._index.names
        self.sizes = self._index.sizes

    def __reduce__(self) -> tuple[type[Archive], tuple[Path]]:
        """Another process opens the file by itself."""
        return Archive, (self.path,)

    def read(self, row: int) -> bytes:
        """The bytes of the entry that stands at ``row`` of `names`.

        Raises:
            InputError: the entry is damaged, encrypted, or larger than `LARGEST_ENTRY`.
        """
        try:
            return self._read(row)
        except (DamagedError, zlib.error, struct.error, OSError) as error:
            raise InputError(f"{self.path}: {self.names[row]}: damaged entry ({error})") from None

    def _read(self, row: int) -> bytes:
        index = self._index
        size, compressed_size = int(index.sizes[row]), int(index.compressed_sizes[row])
        if max(size, compressed_size) > LARGEST_ENTRY:
            raise DamagedError(f"{size} bytes, more than any image")
        if index.encrypted[row]:
            raise DamagedError("encrypted")
        name = self.names[row].as_py()
        offset = int(index.offsets[row])
        name_size = len(name.encode())
        guess = _HEADER.size + name_size + _ROOM_FOR_EXTRA + compressed_size
        content = os.pread(self._file.fileno(), guess, offset)
        signature, *_, name_size, extra_size = _HEADER.unpack_from(content)
        start = _HEADER.size + name_size + extra_size
        if signature != b"PK\3\4" or (
            name.isascii() and content[_HEADER.size :][:name_size] != name.encode()
        ):
            raise DamagedError("another entry stands in its place")
        if len(content) < start + compressed_size:
            content = os.pread(self._file.fileno(), start + compressed_size, offset)
        packed = memoryview(content)[start : start + compressed_size]
        if index.methods[row] == _STORED:
            unpacked = bytes(packed)
        elif index.methods[row] == _DEFLATED:
            unpacked = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
        else:
            raise DamagedError(f"packed by method {index.methods[row]}; only deflate is read")
        if len(unpacked) != size or zlib.crc32(unpacked) != index.checksums[row]:
            raise DamagedError("its checksum is wrong")
        return unpacked

    def checksum(self, row: int) -> tuple[int, int]:
        """The size of the entry at ``row`` in bytes, and its CRC-32, as the index states them."""
        return int(self.sizes[row]), int(self._index.checksums[row])

    def fingerprint(self) -> str:
        """A digest of the entries' names, sizes and checksums: changes whenever a content does."""
        return self._fingerprint

    @functools.cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for start in range(0, len(self.names), 100_000):
            part = slice(start, start + 100_000)
            for name, size, checksum in zip(
                self.names[part].to_pylist(),
                self.sizes[part].tolist(),
                self._index.checksums[part].tolist(),
                strict=True,
            ):
                digest.update(f"{name}\0{size}\0{checksum}\n".encode())
        return digest.hexdigest()
