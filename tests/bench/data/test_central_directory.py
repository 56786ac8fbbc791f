import io
import struct
import zipfile

import pytest

from bench.data.central_directory import DamagedError, read_central_directory


def zipped(entries, *, prefix=b"", comment=b"", method=zipfile.ZIP_DEFLATED, **options):
    buffer = io.BytesIO(prefix)
    buffer.seek(len(prefix))
    with zipfile.ZipFile(buffer, "a" if prefix else "w", method, **options) as archive:
        for name, content in entries:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def assert_read_as_by_zipfile(content):
    found = read_central_directory(io.BytesIO(content))
    expected = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert found.names.to_pylist() == [info.filename for info in expected]
    for column, attribute in (
        ("offsets", "header_offset"),
        ("compressed_sizes", "compress_size"),
        ("sizes", "file_size"),
        ("checksums", "CRC"),
        ("methods", "compress_type"),
    ):
        values = getattr(found, column).tolist()
        assert values == [getattr(info, attribute) for info in expected], column
    assert not found.encrypted.any()


ENTRIES = [(f"folder/{n}.jpg", bytes([n]) * (10 * n)) for n in range(5)] + [("empty/", b"")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": zipfile.ZIP_STORED},
        {"comment": b"a comment"},
        {"prefix": b"#!/bin/sh\nexit\n" * 20},
    ],
    ids=["deflated", "stored", "comment", "behind other bytes"],
)
def test_the_index_is_read_as_by_zipfile(options):
    assert_read_as_by_zipfile(zipped(ENTRIES, **options))


def test_a_zip_behind_bytes_that_its_offsets_leave_out():
    content = b"other bytes" * 100 + zipped(ENTRIES)
    assert_read_as_by_zipfile(content)


def test_a_comment_that_looks_like_the_end_is_none():
    content = zipped(ENTRIES, comment=b"PK\5\6 within a comment, long enough to be an end")
    names = read_central_directory(io.BytesIO(content)).names.to_pylist()
    assert names == [name for name, _ in ENTRIES]


def test_names_in_any_script():
    names = ["fond/été.jpg", "背景/一.jpg", "ascii.jpg", "🐄.png"]
    assert_read_as_by_zipfile(zipped([(name, b"x") for name in names]))


def test_names_of_old_programs_are_in_the_coding_of_dos():
    content = zipped([("caf?.jpg", b"x"), ("plain.jpg", b"y")]).replace(b"caf?", b"caf\x82")
    assert_read_as_by_zipfile(content)
    names = read_central_directory(io.BytesIO(content)).names.to_pylist()
    assert names == ["café.jpg", "plain.jpg"]


def test_names_in_utf8_that_say_not_so_are_read_all_the_same():
    content = zipped([("caf??.jpg", b"x")]).replace(b"caf??", "café".encode())
    assert read_central_directory(io.BytesIO(content)).names.to_pylist() == ["café.jpg"]


def test_names_that_say_utf8_and_are_not_are_damage():
    content = zipped([("café.jpg", b"x")]).replace("café".encode(), b"caf\xff\xff")
    with pytest.raises(DamagedError, match="not valid UTF-8"):
        read_central_directory(io.BytesIO(content))


def test_an_archive_without_entries():
    found = read_central_directory(io.BytesIO(zipped([])))
    assert (len(found.names), len(found.offsets)) == (0, 0)


@pytest.fixture
def small_limits(monkeypatch):
    """Makes zipfile write zip64 for what is small."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 300)
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)


@pytest.mark.parametrize("prefix", [b"", b"other bytes" * 100], ids=["alone", "behind other bytes"])
def test_zip64(small_limits, prefix):
    big = [*ENTRIES, ("big.bin", bytes(1000)), *((f"late/{n}", b"late") for n in range(5))]
    content = zipped(big, method=zipfile.ZIP_STORED)
    assert content.count(b"PK\6\6") == 1
    assert b"\xff\xff\xff\xff" in content[content.rindex(b"PK\1\2") :]
    assert_read_as_by_zipfile(prefix + content)


def test_more_than_65535_entries():
    content = zipped([(f"{n}", b"") for n in range(65_540)], method=zipfile.ZIP_STORED)
    found = read_central_directory(io.BytesIO(content))
    assert found.names.to_pylist() == [str(n) for n in range(65_540)]
    # Some writers leave zip64 out, and their count wraps round.
    record = content.index(b"PK\6\6")
    end = content.rindex(b"PK\5\6")
    _, _, size, offset = struct.unpack_from("<4Q", content, record + 24)
    wrapped = content[:record] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 4, 4, size, offset, 0)
    assert len(content) - end == 22
    assert len(read_central_directory(io.BytesIO(wrapped)).names) == 65_540


def test_two_columns_of_the_index_are_not_confused():
    content = zipped([("a.bin", bytes(1000))])
    found = read_central_directory(io.BytesIO(content))
    assert found.sizes[0] == 1000
    assert found.compressed_sizes[0] < 100


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda content: b"", "has no index"),
        (lambda content: b"no zip at all", "has no index"),
        (lambda content: content[:-30], "has no index"),
        (lambda content: content[50:], "does not fit into the file|beyond the end"),
        (lambda content: content.replace(b"PK\1\2", b"PK\1\3", 1), "broken after 0 entries"),
        (
            lambda content: content[:-12] + b"\7\0" + content[-10:],
            "holds 6 entries and states 7|index is broken",
        ),
    ],
    ids=["empty", "other", "truncated", "cut at the front", "record", "count"],
)
def test_a_broken_index_is_damage(damage, fault):
    with pytest.raises(DamagedError, match=fault):
        read_central_directory(io.BytesIO(damage(zipped(ENTRIES))))


def test_a_flipped_bit_anywhere_in_the_index_is_damage_or_read():
    content = zipped(ENTRIES)
    start = content.index(b"PK\1\2")
    for place in range(start, len(content)):
        for bit in (0, 7):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            try:
                found = read_central_directory(io.BytesIO(bytes(damaged)))
            except DamagedError:
                continue
            assert len(found.names) == len(ENTRIES)


def test_an_encrypted_entry_is_marked():
    content = bytearray(zipped(ENTRIES))
    content[content.rindex(b"PK\1\2") + 8] |= 1
    encrypted = read_central_directory(io.BytesIO(bytes(content))).encrypted
    assert encrypted.tolist() == [False] * 5 + [True]
