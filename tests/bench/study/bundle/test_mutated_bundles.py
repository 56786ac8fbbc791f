"""A bundle with anything changed is refused in a line or gives a good study, and nothing else."""

import json
import math
import random
import shutil
import stat
import warnings
import zipfile

import bundle_maker
import damaged_zip
import pytest
from bundle_maker import Parts
from damaged_zip import flip_bits

from bench.errors import InputError
from bench.study.bundle import bundle
from bench.study.intact import damage
from bench.study.study import Study
from bench.study.unbundle import unbundle

NAMES = [
    "../out.txt",
    "/out.txt",
    "cells/../../out.txt",
    "cells\\..\\out.txt",
    "cells/0123456789ab/record.json",
    "cells/0123456789ab/record.pkl",
    "grid.json",
    "manifest.json",
    "cells/",
    "",
    "\0",
    "cells/0123456789ab/\n",
    "ä" * 300,
]
VALUES = [None, True, -1, 0, 2**70, 1e308, "", "x" * 300, "\x1b[2J", [], {}, [[]], "../x"]
VALUES += [math.nan, math.inf, "\ud800", {"width": math.nan}]  # which Python writes as JSON


@pytest.fixture
def parts(tmp_path):
    study = bundle_maker.make_study(tmp_path / "study")
    bundle(study, tmp_path / "study.zip", version="0.1.0")
    shutil.rmtree(study)
    return Parts.read(tmp_path / "study.zip")


def rename_an_entry(parts, draw):
    draw.choice(parts.entries).name = draw.choice(NAMES)


def rename_a_file(parts, draw):
    parts.rename(draw.choice(parts.entries), draw.choice(NAMES))


def exchange_contents(parts, draw):
    one, other = draw.sample(parts.entries, 2)
    one.content, other.content = other.content, one.content


def leave_an_entry_out(parts, draw):
    parts.entries.remove(draw.choice(parts.entries))


def leave_a_file_out(parts, draw):
    entry = draw.choice(parts.entries)
    parts.manifest["files"].remove(parts.listed(entry))
    parts.entries.remove(entry)


def repeat_an_entry(parts, draw):
    parts.entries.append(draw.choice(parts.entries))


def change_the_kind_of_an_entry(parts, draw):
    kinds = [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFSOCK, 0]
    draw.choice(parts.entries).mode = draw.choice(kinds) | draw.randrange(0o10000)


def compress_an_entry(parts, draw):
    draw.choice(parts.entries).method = draw.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])


def change_bytes(parts, draw):
    entry = draw.choice(parts.entries)
    entry.content = flip_bits(entry.content, draw)


def change_bytes_and_checksums(parts, draw):
    entry = draw.choice(parts.entries)
    parts.fill(entry, flip_bits(entry.content, draw))


def edit_json_and_checksums(parts, draw):
    entry = draw.choice([entry for entry in parts.entries if entry.name.endswith(".json")])
    content = json.loads(entry.content)
    edit(content, draw)
    parts.fill(entry, json.dumps(content).encode())


def edit_the_manifest(parts, draw):
    edit(parts.manifest, draw)


def edit(content, draw):
    """Replace, add or leave out one value, somewhere in it."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))
        inner = [key for key in keys if isinstance(content[key], dict | list) and content[key]]
        if not inner or draw.random() < 0.2:
            break
        content = content[draw.choice(inner)]
    key, kind = draw.choice(keys), draw.randrange(3)
    if kind == 0:
        del content[key]
    elif kind == 1 and isinstance(content, dict):
        content[draw.choice(["x", "format", "size", ""])] = draw.choice(VALUES)
    else:
        content[key] = draw.choice(VALUES)


MUTATIONS = [
    rename_an_entry,
    rename_a_file,
    exchange_contents,
    leave_an_entry_out,
    leave_a_file_out,
    repeat_an_entry,
    change_the_kind_of_an_entry,
    compress_an_entry,
    change_bytes,
    change_bytes_and_checksums,
    edit_json_and_checksums,
    edit_the_manifest,
]


def mutate(parts, file, draw):
    """Write a bundle of which one to three things are changed."""
    parts = parts.copy()
    for _ in range(draw.choice([0, 1, 1, 2])):
        if parts.entries and parts.manifest.get("files"):
            try:
                draw.choice(MUTATIONS)(parts, draw)
            except (StopIteration, LookupError, TypeError, ValueError, AttributeError):
                break  # an earlier change has left nothing that this one could change
    parts.write(file)
    if draw.random() < 0.4:
        file.write_bytes(draw.choice(damaged_zip.DAMAGES)(file.read_bytes(), draw))


@pytest.mark.parametrize(
    "count", [300, pytest.param(10_000, marks=pytest.mark.slow)], ids=["some", "many"]
)
def test_no_change_ends_in_anything_but_a_line_or_a_good_study(parts, tmp_path, count, monkeypatch):
    monkeypatch.setattr("bench.files._flush", lambda _: None)  # thousands of studies on the disk
    draw, outcomes = random.Random(count), {"refused": 0, "taken": 0}
    file, out = tmp_path / "mutated.zip", tmp_path / "out"
    for _ in range(count):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that a name stands twice
            mutate(parts, file, draw)
        said = None
        try:
            unbundle(file, out)
        except InputError as error:
            said = str(error)
            outcomes["refused"] += 1
        else:
            assert damage(Study(out).load()) == {}
            shutil.rmtree(out)
            outcomes["taken"] += 1
        assert said is None or (said.isprintable() and len(said) < 1000)
        assert {path.name for path in tmp_path.iterdir()} == {"mutated.zip", "study.zip"}
    assert all(outcomes.values()), outcomes
