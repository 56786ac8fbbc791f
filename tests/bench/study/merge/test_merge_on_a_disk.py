"""A study or a disk that is damaged or full is told in a line, and nothing false is joined."""

import errno
import os
import shutil

import pytest
from studies_to_merge import CELL, GRID, OTHER_SEEDS, measurement, records_of
from study_maker import contents

from bench.errors import InputError
from bench.study.merge import merge
from bench.study.study import Study


def change(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


DAMAGE = {
    "scores": (f"cells/{CELL.id}/scores.parquet", "scores.parquet: was changed after"),
    "record": (f"cells/{CELL.id}/record.json", "record.json: was changed after"),
    "grid": ("grids/*/grid.json", "grid.json: was changed after"),
    "timing": ("throughput/*/measurement.json", "measurement.json: was changed after"),
    "checksums": (f"cells/{CELL.id}/SHA256SUMS", "SHA256SUMS: .* is not a checksum"),
}


@pytest.mark.parametrize("place", ["a", "out"])
@pytest.mark.parametrize(("file", "why"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_study_is_refused_by_name(make, tmp_path, file, why, place):
    records = records_of(GRID)
    for name in ("a", "out"):
        make(name, records=records, measurements=[measurement(records)])
    (path,) = (tmp_path / place).glob(file)
    change(path)
    before = contents(tmp_path)
    place = path.parent.relative_to(tmp_path)
    with pytest.raises(InputError, match=f"{place}: {why}.*; `bench verify .*` names all"):
        merge([tmp_path / "a", make("b", OTHER_SEEDS)], tmp_path / "out")
    assert {p: c for p, c in contents(tmp_path).items() if p.parts[0] != "b"} == before


def test_a_folder_that_holds_no_study_is_named(make, tmp_path):
    with pytest.raises(InputError, match="nowhere: holds no study"):
        merge([make("a"), tmp_path / "nowhere"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_told_in_a_line(make, tmp_path):
    (tmp_path / "out").write_text("precious")
    with pytest.raises(InputError, match=r"/out: cannot be written to: (Not a dir|File exists)"):
        merge([make("a")], tmp_path / "out")
    assert (tmp_path / "out").read_text() == "precious"


def test_a_merge_that_is_cut_off_shows_nothing_and_goes_on(make, tmp_path, monkeypatch):
    folders = [make("a"), make("b", OTHER_SEEDS)]
    out, copy, copied = tmp_path / "out", shutil.copyfile, []

    def cut_off(source, target):
        copied.append(source)
        if len(copied) == 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", cut_off)
        with pytest.raises(InputError, match="/out: cannot be written to: No space left on device"):
            merge(folders, out)
    with pytest.raises(InputError, match="holds no study"):
        Study(out).load()
    assert not list(out.rglob(".*"))
    merge(folders, out)
    assert contents(out) == contents(folders[0]) | contents(folders[1])


def test_a_file_that_changes_while_it_is_copied_is_not_taken(make, tmp_path, monkeypatch):
    copy = shutil.copyfile

    def spoil(source, target):
        copy(source, target)
        if source.name == "record.json":
            change(target)

    monkeypatch.setattr("shutil.copyfile", spoil)
    with pytest.raises(InputError, match=r"record\.json: was changed .* while it was copied"):
        merge([make("a")], tmp_path / "out")
    assert not list(tmp_path.glob("out/cells/*"))
