import warnings
import zipfile
import zlib

import numpy as np
import pytest

from bench.data.archive import Archive
from bench.data.entries import Entries, Folder, open_container
from bench.errors import InputError


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "deeper/a.jpg", "a.jpg"):
        path = tmp_path / "scenes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "scenes"


@pytest.fixture
def archive(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("x.jpg", b"x")
        opened.writestr("a.jpg", b"in the zip")
    return tmp_path / "a.zip"


NAMES = ["scenes/a.jpg", "scenes/b.jpg", "scenes/deeper/a.jpg"]


def test_a_folders_files_have_its_name_before_theirs(folder):
    opened = Folder(folder)
    assert opened.names.to_pylist() == NAMES
    assert [opened.read(row) for row in range(3)] == [b"a.jpg", b"b.jpg", b"deeper/a.jpg"]
    assert opened.checksum(2) == (12, zlib.crc32(b"deeper/a.jpg"))


def test_a_folder_can_be_given_from_within(folder, monkeypatch):
    monkeypatch.chdir(folder)
    opened = Folder(type(folder)())
    assert opened.names.to_pylist() == NAMES
    monkeypatch.chdir("/")
    assert opened.read(1) == b"b.jpg"


def test_a_folders_fingerprint_follows_names_and_contents(folder):
    before = Folder(folder).fingerprint()
    assert Folder(folder).fingerprint() == before
    (folder / "b.jpg").write_bytes(b"B.jpg")
    changed = Folder(folder).fingerprint()
    (folder / "b.jpg").write_bytes(b"b.jpg")
    (folder / "b.jpg").rename(folder / "c.jpg")
    assert len({before, changed, Folder(folder).fingerprint()}) == 3


def test_a_file_that_has_gone_is_named(folder):
    opened = Folder(folder)
    (folder / "b.jpg").unlink()
    with pytest.raises(InputError, match=r"scenes/b\.jpg: cannot be read: .*No such file"):
        opened.read(1)


def test_what_lies_at_a_path_decides_how_it_is_opened(folder, archive):
    (folder / "train.csv").write_text("input_path\n")
    assert isinstance(open_container(archive), Archive)
    assert isinstance(open_container(folder), Folder)
    single = open_container(folder / "train.csv")
    assert single.names.to_pylist() == ["train.csv"]
    assert single.read(0) == b"input_path\n"
    for missing in ("nowhere", "nowhere.csv"):
        with pytest.raises(InputError, match=rf"{missing}: no such archive"):
            open_container(folder / missing)


def test_entries_stand_one_container_after_the_other(folder, archive):
    entries = Entries([open_container(archive), open_container(folder)])
    assert entries.names.to_pylist() == ["x.jpg", "a.jpg", *NAMES]
    assert [entries.read(row) for row in range(5)] == [
        b"x",
        b"in the zip",
        b"a.jpg",
        b"b.jpg",
        b"deeper/a.jpg",
    ]
    assert entries.numbers(np.arange(5)).tolist() == [0, 0, 1, 1, 1]
    assert entries.where(1) == f"{archive}: a.jpg"
    assert entries.where(2) == f"{folder}: scenes/a.jpg"
    assert entries.checksum(1) == (10, zlib.crc32(b"in the zip"))
    assert entries.checksum(3) == (5, zlib.crc32(b"b.jpg"))
    assert entries.paths == f"{archive}, {folder}"


def test_an_empty_container_takes_no_row(folder, archive, tmp_path):
    (tmp_path / "empty").mkdir()
    empty = open_container(tmp_path / "empty")
    entries = Entries([empty, open_container(archive), empty, open_container(folder)])
    assert entries.read(0) == b"x"
    assert entries.read(2) == b"a.jpg"
    assert entries.numbers(np.arange(5)).tolist() == [1, 1, 3, 3, 3]


def test_the_last_entry_of_a_name_is_found(tmp_path):
    with warnings.catch_warnings(), zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        warnings.simplefilter("ignore")
        for content in (b"first", b"again"):
            opened.writestr("samples.csv", content)
    entries = Entries([open_container(tmp_path / "a.zip")])
    assert entries.find("samples.csv") == 1
    assert entries.find("other.csv") is None


def test_the_fingerprint_does_not_depend_on_the_order(folder, archive):
    one, other = open_container(archive), open_container(folder)
    assert Entries([one, other]).fingerprint == Entries([other, one]).fingerprint
    assert Entries([one]).fingerprint != Entries([other]).fingerprint
