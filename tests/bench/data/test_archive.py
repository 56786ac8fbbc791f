import threading

import canonical_archive
import pytest

from bench.data.archive import Archive
from bench.errors import InputError


@pytest.fixture
def archive_path(tmp_path):
    return canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries())


def test_entries_are_read_in_place(archive_path):
    entries = canonical_archive.entries()
    archive = Archive(archive_path)
    assert archive.names == tuple(entries)
    assert {name: archive.read(name) for name in archive.names} == entries


def test_threads_read_at_once_and_get_their_own_entries(archive_path):
    entries, archive, wrong = canonical_archive.entries(), Archive(archive_path), []

    def read_all():
        wrong.extend(name for name in archive.names if archive.read(name) != entries[name])

    threads = [threading.Thread(target=read_all) for _ in range(8)]
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
    with pytest.raises(InputError, match=r"a\.zip: composite/s3\.png: damaged entry"):
        Archive(archive_path).read("composite/s3.png")
