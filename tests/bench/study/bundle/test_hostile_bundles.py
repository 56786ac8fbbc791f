"""A bundle that says or holds anything else than a study is refused."""

import hashlib
import json
import math
import stat
import zipfile

import pytest
from bundle_maker import Entry


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


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("change", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_bundle_that_holds_anything_else_is_refused_and_nothing_is_written(
    parts, tmp_path, change, message, refused
):
    change(parts)
    refused(parts.write(tmp_path / "hostile.zip"), message)
