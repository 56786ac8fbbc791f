"""Entries that were complete outlive whatever ended the program."""

import re
import zipfile

import pytest

from bench.archives.growing_zip import GrowingZip
from bench.data.archive import Archive
from bench.errors import InputError

RECORD = ("dataset.json", b'{"seed": 0}')
ENTRIES = {"a.bin": b"first entry" * 50, "b.bin": b"PK\3\4 is in here too", "ü.bin": b"last"}


def write(path, entries, record=RECORD):
    with GrowingZip(path, record) as archive:
        for name, content in entries.items():
            if name not in archive:
                archive.write(name, content)


def finish(path, entries=ENTRIES):
    write(path, entries)
    with GrowingZip(path, RECORD) as archive:
        archive.finish()
    return path.read_bytes()


def test_what_is_finished_is_a_sound_zip(tmp_path):
    finish(tmp_path / "sub" / "a.zip")
    with zipfile.ZipFile(tmp_path / "sub" / "a.zip") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == dict([RECORD]) | ENTRIES
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert [file.name for file in (tmp_path / "sub").iterdir()] == ["a.zip"]


def test_cut_anywhere_it_is_gone_on_with_to_the_same_bytes(tmp_path):
    whole = finish(tmp_path / "whole.zip")
    partial = tmp_path / "a.zip.partial"
    for length in range(0, len(whole) + 1, 7):  # the directory at the end included
        partial.write_bytes(whole[:length])
        assert finish(tmp_path / "a.zip") == whole
        (tmp_path / "a.zip").unlink()


def test_complete_entries_are_kept(tmp_path):
    write(tmp_path / "a.zip", ENTRIES)
    partial = tmp_path / "a.zip.partial"
    partial.write_bytes(partial.read_bytes()[:-1])
    with GrowingZip(tmp_path / "a.zip", RECORD) as archive:
        assert [name in archive for name in ENTRIES] == [True, True, False]


def test_a_damaged_entry_and_what_follows_are_written_again(tmp_path):
    whole = finish(tmp_path / "whole.zip")
    write(tmp_path / "a.zip", ENTRIES)
    partial = tmp_path / "a.zip.partial"
    partial.write_bytes(partial.read_bytes().replace(b"too", b"two"))
    assert finish(tmp_path / "a.zip") == whole


@pytest.mark.parametrize("content", [b"precious", b"PK\3\4 of some other zip"])
def test_a_file_begun_with_another_record_is_left_alone(tmp_path, content):
    partial = tmp_path / "a.zip.partial"
    partial.write_bytes(content)
    message = re.escape(f"{partial}: was begun with other settings or images")
    with pytest.raises(InputError, match=message):
        GrowingZip(tmp_path / "a.zip", RECORD)
    assert partial.read_bytes() == content


def test_another_record_does_not_go_on(tmp_path):
    write(tmp_path / "a.zip", ENTRIES)
    before = (tmp_path / "a.zip.partial").read_bytes()
    with pytest.raises(InputError, match="was begun with other settings"):
        GrowingZip(tmp_path / "a.zip", ("dataset.json", b'{"seed": 1}'))
    assert (tmp_path / "a.zip.partial").read_bytes() == before


def test_a_growing_zip_takes_more_entries_than_16_bits_count(tmp_path):
    out = tmp_path / "a.zip"
    with GrowingZip(out, ("dataset.json", b"{}")) as archive:
        for number in range(70_000):
            archive.write(f"{number}", b"")
        archive.finish()
    names = Archive(out).names
    assert len(names) == 70_001
    assert names[-1].as_py() == "69999"
