"""The index at the end of a zip, read into columns: no Python object an entry.

Python's own reader keeps an object for every entry, a gigabyte for the million entries of a large
dataset. This one finds where each record starts and lets numpy and pyarrow take the rest. The
format: PKWARE's APPNOTE.TXT 6.3, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

from __future__ import annotations

import io
import os
import struct
from array import array
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_RECORD_SIZE = 46  # of a record's fixed part; name, extra fields and comment follow
_LENGTHS = struct.Struct("<3H")
_LENGTHS_AT = 28
_MAX_COMMENT = 65535
_IN_ZIP64 = 0xFFFFFFFF  # a field whose value stands in the extra field instead
_ZIP64_EXTRA = 1
_UTF8 = 0x800
_ENCRYPTED = 0x1
_CHUNK = 100_000  # names gathered at a time


class DamagedError(Exception):
    """The file is no zip, or its index is broken."""


class CentralDirectory(NamedTuple):
    """The entries of a zip, folders included, in the archive's order; each column (N,).

    Attributes:
        names: with forward slashes, as the archive spells them.
        offsets: where in the file the entry's header starts.
        compressed_sizes, sizes: in bytes.
        checksums: CRC-32 of the content.
        methods: 0 stored, 8 deflated; others as the format numbers them.
        encrypted: whether a password is needed.
    """

    names: pa.LargeStringArray
    offsets: npt.NDArray[np.int64]
    compressed_sizes: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    checksums: npt.NDArray[np.uint32]
    methods: npt.NDArray[np.uint16]
    encrypted: npt.NDArray[np.bool_]


def read_central_directory(file: io.BufferedIOBase) -> CentralDirectory:
    """Read the index of an open zip.

    Raises:
        DamagedError: there is none, or it contradicts itself or the file's length.
    """
    count, size, offset, end = _find_end(file)
    start = end - size
    shift = start - offset  # of a zip behind other bytes, such as an unpacking program
    if start < 0 or shift < 0:
        raise DamagedError("its index does not fit into the file")
    file.seek(start)
    content = file.read(size)
    positions = _positions(content, count)
    raw = np.frombuffer(content, np.uint8)

    def column(at: int, dtype: str) -> npt.NDArray[np.int64]:
        width = np.dtype(dtype).itemsize
        gathered = raw[positions[:, None] + np.arange(at, at + width)]
        return np.ascontiguousarray(gathered).view(dtype)[:, 0].astype(np.int64)

    flags = column(8, "<u2")
    sizes, compressed_sizes = column(24, "<u4"), column(20, "<u4")
    offsets = column(42, "<u4")
    fields = [sizes, compressed_sizes, offsets]
    for row in np.flatnonzero(np.any([field == _IN_ZIP64 for field in fields], axis=0)).tolist():
        _take_zip64(content, int(positions[row]), row, fields)
    offsets += shift
    if ((offsets < 0) | (offsets + compressed_sizes > start)).any():
        raise DamagedError("an entry lies beyond the end of the file")
    return CentralDirectory(
        names=_names(raw, content, positions, flags),
        offsets=offsets,
        compressed_sizes=compressed_sizes,
        sizes=sizes,
        checksums=column(16, "<u4").astype(np.uint32),
        methods=column(10, "<u2").astype(np.uint16),
        encrypted=(flags & _ENCRYPTED) > 0,
    )


def _find_end(file: io.BufferedIOBase) -> tuple[int, int, int, int]:
    """The number of entries, the index's size and stated offset, and where the index ends."""
    length = file.seek(0, os.SEEK_END)
    count, size, offset, end = _find_end32(file, length)
    return _find_end64(file, length, end - _LOCATOR64.size) or (count, size, offset, end)


def _find_end32(file: io.BufferedIOBase, length: int) -> tuple[int, int, int, int]:
    tail_size = min(length, _END.size + _MAX_COMMENT)
    file.seek(length - tail_size)
    tail = file.read(tail_size)
    place = len(tail)
    while True:
        place = tail.rfind(b"PK\5\6", 0, place)
        if place < 0:
            raise DamagedError("has no index")
        if len(tail) - place < _END.size:
            continue
        _, disk, index_disk, _, count, size, offset, comment = _END.unpack_from(tail, place)
        if place + _END.size + comment <= len(tail):
            break
    if disk or index_disk:
        raise DamagedError("is one part of a zip in several files")
    return count, size, offset, length - tail_size + place


def _find_end64(
    file: io.BufferedIOBase, length: int, locator_at: int
) -> tuple[int, int, int, int] | None:
    if locator_at < 0:
        return None
    file.seek(locator_at)
    signature, _, stated, _ = _LOCATOR64.unpack(file.read(_LOCATOR64.size))
    if signature != b"PK\6\7":
        return None
    # Behind other bytes the stated place is off; the record stands before the locator.
    for place in (locator_at - _END64.size, stated):
        if 0 <= place <= length - _END64.size:
            file.seek(place)
            fields = _END64.unpack(file.read(_END64.size))
            if fields[0] == b"PK\6\6":
                return fields[7], fields[8], fields[9], place
    raise DamagedError("its zip64 index is broken")


def _positions(content: bytes, count: int) -> npt.NDArray[np.int64]:
    """Where in the index each record starts."""
    positions = array("q")
    place, end = 0, len(content)
    lengths = _LENGTHS.unpack_from
    while place + _RECORD_SIZE <= end:
        if content[place : place + 4] != b"PK\1\2":
            raise DamagedError(f"its index is broken after {len(positions)} entries")
        positions.append(place)
        place += _RECORD_SIZE + sum(lengths(content, place + _LENGTHS_AT))
    # A count of 16 bits wraps round where a writer left zip64 out.
    if place != end or (len(positions) - count) % 65536:
        raise DamagedError(f"its index holds {len(positions)} entries and states {count}")
    return np.frombuffer(positions, np.int64) if positions else np.zeros(0, np.int64)


def _take_zip64(
    content: bytes, position: int, row: int, fields: list[npt.NDArray[np.int64]]
) -> None:
    """Replace the marked fields of one record by the 64-bit ones of its extra field."""
    name, extra, _ = _LENGTHS.unpack_from(content, position + _LENGTHS_AT)
    place = position + _RECORD_SIZE + name
    end = place + extra
    while place + 4 <= end:
        kind, length = struct.unpack_from("<HH", content, place)
        place += 4
        if kind == _ZIP64_EXTRA:
            stop = min(place + length, end)
            for field in fields:
                if field[row] == _IN_ZIP64 and place + 8 <= stop:
                    # Values beyond 63 bits are damage; clipped, they lie beyond the file's end.
                    field[row] = min(struct.unpack_from("<Q", content, place)[0], 2**62)
                    place += 8
            return
        place += length


def _names(
    raw: npt.NDArray[np.uint8],
    content: bytes,
    positions: npt.NDArray[np.int64],
    flags: npt.NDArray[np.int64],
) -> pa.LargeStringArray:
    lengths = raw[positions + _LENGTHS_AT].astype(np.int64) + (
        raw[positions + _LENGTHS_AT + 1].astype(np.int64) << 8
    )
    parts = [
        _gathered_names(
            raw,
            content,
            positions[at : at + _CHUNK],
            lengths[at : at + _CHUNK],
            flags[at : at + _CHUNK],
        )
        for at in range(0, len(positions), _CHUNK)
    ]
    return pa.concat_arrays(parts) if parts else pa.array([], pa.large_string())


def _gathered_names(
    raw: npt.NDArray[np.uint8],
    content: bytes,
    positions: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    flags: npt.NDArray[np.int64],
) -> pa.LargeStringArray:
    ends = np.cumsum(lengths)
    offsets = np.concatenate([[0], ends])
    starts = positions + _RECORD_SIZE
    text = raw[np.repeat(starts - offsets[:-1], lengths) + np.arange(ends[-1])]
    if (text < 128).all():  # noqa: PLR2004 - ASCII, the same in either coding
        return pa.LargeStringArray.from_buffers(
            len(positions), pa.py_buffer(offsets.astype(np.int64)), pa.py_buffer(text)
        )
    names = []
    for start, length, flag in zip(starts.tolist(), lengths.tolist(), flags.tolist(), strict=True):
        name = content[start : start + length]
        try:
            names.append(name.decode("utf-8"))
        except UnicodeDecodeError:
            if flag & _UTF8:
                raise DamagedError("the name of an entry is not valid UTF-8") from None
            names.append(name.decode("cp437"))
    return pa.array(names, pa.large_string())
