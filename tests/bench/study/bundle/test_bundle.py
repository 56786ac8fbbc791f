"""A bundle gives the study back byte by byte, and what else a reader needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from bundle_maker import Parts, list_anew
from study_maker import contents

from bench.study import places
from bench.study.bundle import bundle
from bench.study.study import Study
from bench.study.unbundle import unbundle


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


def test_a_report_that_was_changed_is_refused(study, tmp_path, refused):
    bundle(study, tmp_path / "b.zip", version="0.1.0", reports=REPORTS)
    parts = Parts.read(tmp_path / "b.zip")
    parts.find("report.html").content = b"<p>The studx"
    file = parts.write(tmp_path / "hostile.zip")
    refused(file, r"report\.html: is not what manifest\.json has the checksum of")


def test_a_bundle_of_the_first_format_is_unpacked(parts, study, tmp_path):
    parts.manifest["format"] = 1
    unbundle(parts.write(tmp_path / "old.zip"), tmp_path / "back")
    assert contents(tmp_path / "back") == contents(study)
