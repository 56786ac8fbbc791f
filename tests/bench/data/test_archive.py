import threading
import warnings
import zipfile
import zlib

import canonical_archive
import pytest

from bench.data.archive import Archive
from bench.errors import InputError


@pytest.fixture
def archive_path(tmp_path):
    return canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries())


def read_all(archive):
    return {name: archive.read(row) for row, name in enumerate(archive.names.to_pylist())}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_entries_are_read_in_place(tmp_path, method):
    entries = canonical_archive.entries()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    archive = Archive(tmp_path / "a.zip")
    assert archive.names.to_pylist() == list(entries)
    assert read_all(archive) == entries
    assert archive.sizes.tolist() == [len(content) for content in entries.values()]
    assert [archive.checksum(row) for row in range(len(entries))] == [
        (len(content), zlib.crc32(content)) for content in entries.values()
    ]


def test_an_entry_that_was_appended_again_keeps_both_rows(tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("mask/a.png", b"old")
        archive.writestr("mask/a.png", b"newer")
    archive = Archive(tmp_path / "a.zip")
    assert [archive.read(row) for row in range(2)] == [b"old", b"newer"]


@pytest.mark.parametrize("extra_size", [0, 60, 400])
def test_extra_fields_of_any_length_stand_before_the_content(tmp_path, extra_size):
    info = zipfile.ZipInfo("a.bin")
    info.extra = b"\xfe\xca" + extra_size.to_bytes(2, "little") + bytes(extra_size)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"content")
    assert Archive(tmp_path / "a.zip").read(0) == b"content"


def test_threads_read_at_once_and_get_their_own_entries(archive_path):
    entries, archive, wrong = canonical_archive.entries(), Archive(archive_path), []

    def read():
        found = read_all(archive)
        wrong.extend(name for name in entries if found[name] != entries[name])

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_fingerprint_follows_the_content_not_the_place(tmp_path, archive_path):
    entries = canonical_archive.entries()
    same = canonical_archive.write(tmp_path / "moved.zip", entries)
    entries["mask/s0.png"] = entries["mask/s1.png"]
    changed = canonical_archive.write(tmp_path / "changed.zip", entries)
    assert Archive(same).fingerprint() == Archive(archive_path).fingerprint()
    assert Archive(changed).fingerprint() != Archive(archive_path).fingerprint()


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.zip: no such archive"):
        Archive(tmp_path / "nowhere.zip")


def test_a_truncated_archive_is_named(archive_path):
    content = archive_path.read_bytes()
    archive_path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"a\.zip: not a zip archive, or truncated"):
        Archive(archive_path)


def test_a_damaged_entry_is_named(archive_path):
    content = canonical_archive.entries()["composite/s3.png"]
    raw = archive_path.read_bytes()
    place = raw.index(content) + len(content) // 2
    archive_path.write_bytes(raw[:place] + bytes([raw[place] ^ 0xFF]) + raw[place + 1 :])
    archive = Archive(archive_path)
    with pytest.raises(InputError, match=r"a\.zip: composite/s3\.png: damaged entry"):
        archive.read(archive.names.to_pylist().index("composite/s3.png"))


def test_an_index_that_points_at_another_entry_is_named(archive_path):
    content = bytearray(archive_path.read_bytes())
    index = content.index(b"PK\1\2")
    second = content.index(b"PK\1\2", index + 4)
    content[index + 42 : index + 46] = content[second + 42 : second + 46]
    archive_path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged entry \(another entry stands in its place\)"):
        Archive(archive_path).read(0)


def test_an_encrypted_entry_is_named(archive_path):
    content = bytearray(archive_path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    archive_path.write_bytes(content)
    with pytest.raises(InputError, match=r"background/b0\.png: damaged entry \(encrypted\)"):
        Archive(archive_path).read(0)


def test_an_entry_that_unpacks_to_more_than_it_states_is_stopped(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(10**6))
    content = bytearray((tmp_path / "a.zip").read_bytes())
    at = content.index(b"PK\1\2") + 24
    content[at : at + 4] = (100).to_bytes(4, "little")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="its checksum is wrong"):
        Archive(tmp_path / "a.zip").read(0)


def test_a_method_that_is_not_read_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.png", b"content")
    with pytest.raises(InputError, match="packed by method 14; only deflate is read"):
        Archive(tmp_path / "a.zip").read(0)
