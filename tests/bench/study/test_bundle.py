"""A bundle gives the study back byte by byte; one that says anything else is refused."""

import errno
import hashlib
import json
import math
import os
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import bundle_maker
import pytest
from bundle_maker import Entry, Parts

from bench.errors import InputError
from bench.study import places
from bench.study.bundle import bundle
from bench.study.study import Study
from bench.study.unbundle import unbundle


@pytest.fixture
def study(tmp_path):
    return bundle_maker.make_study(tmp_path / "mine" / "study")


@pytest.fixture
def bundled(study, tmp_path):
    bundle(study, tmp_path / "study.zip", version="0.1.0")
    return tmp_path / "study.zip"


@pytest.fixture
def parts(bundled):
    return Parts.read(bundled)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_study_comes_back_byte_by_byte(study, bundled, tmp_path):
    unbundle(bundled, tmp_path / "back" / "study")
    assert contents(tmp_path / "back" / "study") == contents(study)
    results = Study(tmp_path / "back" / "study").load()
    assert (results.damaged, len(results.records), len(results.measurements)) == ({}, 2, 1)
    bundle(tmp_path / "back" / "study", tmp_path / "again.zip", version="0.1.0")
    assert (tmp_path / "again.zip").read_bytes() == bundled.read_bytes()


def test_the_same_study_gives_the_same_bytes_at_another_time(study, bundled, tmp_path):
    for number, path in enumerate(sorted(study.rglob("*"), reverse=True)):
        os.utime(path, (number, number))
        path.chmod(0o700)
    bundle(study, tmp_path / "again.zip", version="0.1.0")
    assert (tmp_path / "again.zip").read_bytes() == bundled.read_bytes()


def test_the_manifest_says_what_there_is(parts, study):
    assert {key: value for key, value in parts.manifest.items() if key != "files"} == {
        "kind": "maskdepth-bench study",
        "format": 2,
        "title": "study",
        "version": "0.1.0",
    }
    sums = "".join(f"{one['sha256']}  {one['path']}\n" for one in parts.manifest["files"])
    command = ["sha256sum", "--check", "--strict", "-"]
    subprocess.run(command, cwd=study, input=sums, text=True, check=True, capture_output=True)
    assert [one["size"] for one in parts.manifest["files"]] == [
        (study / one["path"]).stat().st_size for one in parts.manifest["files"]
    ]


def test_what_is_no_part_of_a_study_stays_behind(study, tmp_path):
    before = contents(study)
    for place in ("leaderboard.md", "notes/a.txt", "cells/.cut-off/record.json"):
        (study / place).parent.mkdir(exist_ok=True)
        (study / place).write_text("mine")
    (next(study.glob("cells/*")) / "plot.png").write_text("mine")
    bundle(study, tmp_path / "b.zip", version="0.1.0")
    unbundle(tmp_path / "b.zip", tmp_path / "back")
    assert contents(tmp_path / "back") == before


def test_weights_beside_a_record_go_with_it(study, tmp_path):
    (cell,) = (path for path in study.glob("cells/*") if b'"loss": {' in record_in(path))
    (cell / "weights.safetensors").write_bytes(bytes(1000))
    list_anew(cell)
    bundle(study, tmp_path / "b.zip", version="0.1.0")
    unbundle(tmp_path / "b.zip", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(study)
    assert Path("cells", cell.name, "weights.safetensors") in contents(tmp_path / "back")


def record_in(cell):
    return (cell / "record.json").read_bytes()


def list_anew(folder):
    names = [path.name for path in folder.iterdir() if path.name != "SHA256SUMS"]
    sums = subprocess.run(
        ["sha256sum", *sorted(names)],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "SHA256SUMS").write_bytes(sums.stdout)


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


def test_an_empty_folder_is_filled(study, bundled, tmp_path):
    (tmp_path / "out").mkdir()
    unbundle(bundled, tmp_path / "out")
    assert contents(tmp_path / "out") == contents(study)


def test_no_torch_is_loaded(bundled, tmp_path):
    code = (
        "import sys\n"
        "from bench.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", code, "unbundle", bundled, tmp_path / "back"]
    subprocess.run(command, check=True, capture_output=True)


def renamed_to(name):
    def change(parts):
        parts.rename(parts.find("scores.parquet"), name)

    return change


def added(name, *, listed=True, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_STORED):
    def change(parts):
        if listed:
            parts.add(name, bytes(100_000), mode=mode, method=method)
        else:
            parts.entries.append(Entry(name, b"", mode=mode))

    return change


def manifest_with(**content):
    return lambda parts: parts.manifest.update(content)


def file_with(**content):
    return lambda parts: parts.listed(parts.find("scores.parquet")).update(content)


def twice(parts):
    parts.entries.append(Entry(parts.entries[0].name, b"another"))


def listed_twice(parts):
    parts.manifest["files"].append(dict(parts.manifest["files"][0]))


def not_there(parts):
    parts.entries.remove(parts.find("scores.parquet"))


def taken_out(parts):
    entry = parts.find("scores.parquet")
    parts.manifest["files"].remove(parts.listed(entry))
    parts.entries.remove(entry)


def without(ending):
    def change(parts):
        for entry in [entry for entry in parts.entries if entry.name.endswith(ending)]:
            parts.manifest["files"].remove(parts.listed(entry))
            parts.entries.remove(entry)

    return change


def without_grids(parts):
    for entry in [entry for entry in parts.entries if entry.name.startswith("grids/")]:
        parts.manifest["files"].remove(parts.listed(entry))
        parts.entries.remove(entry)


def other_bytes(parts):
    entry = parts.find("scores.parquet")
    entry.content = entry.content[:-1] + b"?"


def edited_figure(parts):
    entry = parts.find("record.json")
    content = entry.content.replace(b'"iou": 0.5', b'"iou": 0.9')
    parts.listed(entry)["sha256"] = hashlib.sha256(content).hexdigest()
    entry.content = content


def impossible_figure(parts):
    entry = parts.find("record.json")
    parts.fill(entry, entry.content.replace(b'"iou": 0.5', b'"iou": 9.0'))


def option_that_is_no_number(parts):
    entry = next(e for e in parts.entries if b'"name": "unet"' in e.content and "cells" in e.name)
    content = json.loads(entry.content)
    content["cell"]["architecture"]["options"]["width"] = math.nan
    parts.fill(entry, json.dumps(content).encode())


def unzoned_time(parts):
    entry = parts.find("grid.json")
    content = json.loads(entry.content)
    parts.fill(entry, json.dumps(content | {"run_utc": "2026-01-01T00:00:00"}).encode())


def link(parts):
    entry = parts.find("scores.parquet")
    entry.mode = stat.S_IFLNK | 0o777
    parts.fill(entry, b"/etc/passwd")


def compressed(parts):
    parts.find("scores.parquet").method = zipfile.ZIP_DEFLATED


CELL = "cells/0123456789ab"
NO_FILE = "is no file of a study"
HOSTILE = {
    "a path that leads out": (renamed_to("cells/../../out.txt"), NO_FILE),
    "a path to the top": (renamed_to("/out.txt"), NO_FILE),
    "a drive": (renamed_to("C:/out.txt"), NO_FILE),
    "backslashes": (renamed_to(r"cells\0123456789ab\record.json"), NO_FILE),
    "a line break": (renamed_to(f"{CELL}/record.json\n"), NO_FILE),
    "a pickled file": (renamed_to(f"{CELL}/weights.pkl"), NO_FILE),
    "a file at the top": (renamed_to("grid.json"), NO_FILE),
    "another place": (renamed_to("data/0123456789ab/record.json"), NO_FILE),
    "a file of another place": (renamed_to("trials/0123456789ab/scores.parquet"), NO_FILE),
    "a hidden folder": (renamed_to("cells/.123456789ab/record.json"), NO_FILE),
    "a deeper folder": (renamed_to(f"{CELL}/a/record.json"), NO_FILE),
    "capitals": (renamed_to("cells/0123456789AB/record.json"), NO_FILE),
    "the manifest itself": (renamed_to("manifest.json"), "stands twice in the bundle"),
    "a further entry": (added("x.py", listed=False), r"x\.py: is not in manifest\.json"),
    "an entry twice": (twice, "stands twice in the bundle"),
    "a line twice": (listed_twice, r"stands twice in manifest\.json"),
    "an entry less": (not_there, r"scores\.parquet: is in manifest\.json, and not in the bundle"),
    "a table less": (taken_out, r"cells/\w{12}: scores\.parquet: is not there"),
    "no checksums": (without("/SHA256SUMS"), "SHA256SUMS: cannot be read"),
    "no grid": (without_grids, "holds no grid"),
    "a link": (link, "a bundle has plain files"),
    "a folder": (
        added("cells/", mode=stat.S_IFDIR | 0o755, listed=False),
        "a bundle has plain files",
    ),
    "a device": (added(f"{CELL}/record.json", mode=stat.S_IFCHR), "a bundle has plain files"),
    "a bomb": (
        added(f"{CELL}/scores.parquet", method=zipfile.ZIP_DEFLATED),
        f"{CELL}/scores.parquet: is compressed",
    ),
    "a compressed entry": (compressed, "is compressed, where a bundle stores"),
    "another size": (file_with(size=3), "has .* bytes, and 3 by manifest.json"),
    "a size below zero": (file_with(size=-1), "files.*size: .* greater than or equal to 0"),
    "another checksum": (file_with(sha256="0" * 64), "is not what manifest.json has the checksum"),
    "no checksum": (file_with(sha256="0"), "files.*sha256: "),
    "an unknown key of a file": (file_with(run="x.py"), "files.*run: "),
    "other bytes": (other_bytes, "is not what manifest.json has the checksum of"),
    "an edited figure": (edited_figure, r"cells/\w{12}: record\.json: was changed after"),
    "an impossible figure": (impossible_figure, r"record\.json: iou cannot be 9\.0"),
    "an option that is no number": (option_that_is_no_number, r"record\.json: Out of range float"),
    "a time without its zone": (unzoned_time, "run_utc: .* timezone"),
    "a later format": (manifest_with(format=3), "has format 3, and this version reads 1 and 2;"),
    "no format": (lambda parts: parts.manifest.pop("format"), r"manifest\.json: format: "),
    "another kind": (manifest_with(kind="a novel"), "is that of 'a novel', and not of"),
    "an unknown key": (manifest_with(run="x.py"), r"manifest\.json: run: "),
    "no list": (manifest_with(files=7), r"manifest\.json: files: "),
}


def refused(file, tmp_path, message):
    """Nothing but one line comes of it."""
    out = tmp_path / "deep" / "out"
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as told:
        unbundle(file, out)
    assert str(told.value).isprintable()
    assert str(told.value).startswith(f"{file}: ")
    left = set(tmp_path.rglob("*")) - set(before)
    assert left <= {out.parent}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_bundle_that_holds_anything_else_is_refused_and_nothing_is_written(
    parts, tmp_path, change, message
):
    change(parts)
    refused(parts.write(tmp_path / "hostile.zip"), tmp_path, message)


MANIFESTS = {
    "no JSON": b"{",
    "a list": b"[]",
    "no text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "a large number": b'{"kind": "maskdepth-bench study", "format": %s}' % (b"9" * 5000),
    "half a character": rb'{"kind": "\ud800", "format": 1}',
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none_is_told_in_a_line(parts, tmp_path, manifest):
    file = parts.write(tmp_path / "hostile.zip", manifest)
    refused(file, tmp_path, r"manifest\.json: ")


def test_a_zip_without_a_manifest_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr("samples.csv", "key,background\n")
    refused(tmp_path / "data.zip", tmp_path, r"manifest\.json: is not there; this is no file that")


def test_a_vast_manifest_is_not_read(parts, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.study.unbundle.LARGEST_MANIFEST", 1000)
    refused(parts.write(tmp_path / "b.zip"), tmp_path, "manifest.json: is larger than 1000 bytes")


@pytest.mark.parametrize("keep", [0, 1, 100, 5000, -1, -30])
def test_a_bundle_that_is_cut_off_is_named(bundled, tmp_path, keep):
    bundled.write_bytes(bundled.read_bytes()[:keep])
    refused(bundled, tmp_path, "no bundle, or cut off")


def test_a_file_that_is_not_there_is_named(tmp_path):
    refused(tmp_path / "nowhere.zip", tmp_path, "no such file")


def test_a_folder_is_no_bundle(study, tmp_path):
    refused(study, tmp_path, "no bundle, or cut off")


def test_an_encrypted_entry_is_refused(bundled, tmp_path):
    content = bytearray(bundled.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    bundled.write_bytes(content)
    refused(bundled, tmp_path, "is encrypted")


def test_entries_that_share_their_bytes_are_refused(bundled, tmp_path):
    """A thousand names of one entry's bytes, each listed with its checksum: a bomb of copies."""
    parts = Parts.read(bundled)
    table = bytes(100_000)
    cells = [f"cells/{number:012x}/scores.parquet" for number in range(50)]
    for name in cells:
        parts.add(name, table)
    parts.entries = [entry for entry in parts.entries if entry.name not in cells[1:]]
    file = parts.write(tmp_path / "bomb.zip")
    content = file.read_bytes()
    end = content.rindex(b"PK\5\6")
    start = content.index(b"PK\1\2")
    index, first = content[start:end], content.index(cells[0].encode(), start) - 46
    record = content[first : first + 46 + len(cells[0])]
    more = b"".join(record[:46] + name.encode() for name in cells[1:])
    fields = list(struct.unpack("<4s4H2LH", content[end : end + 22]))
    fields[3] = fields[4] = fields[4] + len(cells) - 1
    fields[5] += len(more)
    file.write_bytes(content[:start] + index + more + struct.pack("<4s4H2LH", *fields))
    refused(file, tmp_path, "its entries claim to be larger than the file")


def test_the_files_of_a_study_are_known(study):
    assert all(places.is_file_of_study(path.as_posix()) for path in contents(study))


REPORTS = {"leaderboard.md": b"# The study\n", "report.html": b"<p>The study"}


def test_reports_are_for_readers_and_are_not_unpacked(study, tmp_path):
    bundle(study, tmp_path / "b.zip", version="0.1.0", reports=REPORTS, licence=b"CC-BY-4.0\n")
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        assert archive.read("leaderboard.md") == b"# The study\n"
        assert archive.read("LICENSE") == b"CC-BY-4.0\n"
    unbundle(tmp_path / "b.zip", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(study) | {Path("LICENSE"): b"CC-BY-4.0\n"}


def test_the_licence_in_a_studys_folder_goes_with_it(study, tmp_path):
    (study / "LICENSE").write_text("Mine.\n")
    bundle(study, tmp_path / "b.zip", version="0.1.0")
    unbundle(tmp_path / "b.zip", tmp_path / "back")
    assert (tmp_path / "back" / "LICENSE").read_text() == "Mine.\n"


def test_a_report_that_was_changed_is_refused(study, tmp_path):
    bundle(study, tmp_path / "b.zip", version="0.1.0", reports=REPORTS)
    parts = Parts.read(tmp_path / "b.zip")
    parts.find("report.html").content = b"<p>The studx"
    file = parts.write(tmp_path / "hostile.zip")
    refused(file, tmp_path, r"report\.html: is not what manifest\.json has the checksum of")


def test_a_bundle_of_the_first_format_is_unpacked(parts, study, tmp_path):
    parts.manifest["format"] = 1
    unbundle(parts.write(tmp_path / "old.zip"), tmp_path / "back")
    assert contents(tmp_path / "back") == contents(study)
