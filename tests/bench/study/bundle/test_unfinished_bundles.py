"""Where a study cannot be bundled or unpacked, everything stays as it was."""

import errno
import os

import pytest
from bundle_maker import list_anew
from study_maker import contents

from bench.errors import InputError
from bench.study.bundle import bundle
from bench.study.unbundle import unbundle


def test_a_file_of_another_kind_that_a_cell_lists_is_named(study, tmp_path):
    cell = next(study.glob("cells/*"))
    (cell / "weights.pkl").write_bytes(b"")
    list_anew(cell)
    with pytest.raises(InputError, match=f"{cell}: SHA256SUMS lists weights.pkl, which is no file"):
        bundle(study, tmp_path / "b.zip", version="0.1.0")
    assert not (tmp_path / "b.zip").exists()


def test_a_damaged_study_is_not_bundled(study, tmp_path):
    path = next(study.glob("cells/*/scores.parquet"))
    path.write_bytes(path.read_bytes() + b"?")
    with pytest.raises(InputError, match=f"{path.parent}: scores.parquet: was changed after"):
        bundle(study, tmp_path / "b.zip", version="0.1.0")
    assert not (tmp_path / "b.zip").exists()


def test_a_file_that_is_there_is_not_written_over(study, bundled):
    before = bundled.read_bytes()
    with pytest.raises(InputError, match=r"study\.zip exists already"):
        bundle(study, bundled, version="0.1.0")
    assert bundled.read_bytes() == before


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_no_half_of_a_bundle(study, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match=r"b\.zip: cannot be written: No space left on device"):
        bundle(study, tmp_path / "b.zip", version="0.1.0")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_leaves_no_half_of_a_study(bundled, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", full)
    before = contents(tmp_path)
    with pytest.raises(InputError, match="/back: cannot be written to: No space left on device"):
        unbundle(bundled, tmp_path / "back")
    assert contents(tmp_path) == before
    assert not (tmp_path / "back").exists()


@pytest.mark.parametrize("kind", ["a folder with something", "a file", "a link"])
def test_a_place_that_is_taken_is_left_as_it_is(bundled, tmp_path, kind):
    out = tmp_path / "out"
    if kind == "a file":
        out.write_text("mine")
    elif kind == "a link":
        (tmp_path / "elsewhere").mkdir()
        out.symlink_to("elsewhere")
    else:
        (out / "mine").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="/out exists already; give a new folder"):
        unbundle(bundled, out)
    assert sorted(tmp_path.rglob("*")) == before
