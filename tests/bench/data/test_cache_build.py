"""How a cache is built: by threads or processes, stopped and gone on with, without room."""

import errno
import shutil
import subprocess
import sys

import canonical_archive
import numpy as np
import pandas as pd
import pytest
from decoded_archive import folders, open_one, unknown

from bench.data import cache_build, chunk_decoder
from bench.data.cache import open_dataset
from bench.errors import InputError


class Stop(BaseException):
    """A kill, as far as the build can tell."""


def test_a_build_that_was_stopped_goes_on_after_its_last_chunk(tmp_path, monkeypatch):
    entries = canonical_archive.entries(samples=10)
    whole = open_one(tmp_path / "whole", entries)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    monkeypatch.setattr(chunk_decoder, "CHUNK_BYTES", 4 * 32 * 32 * 7)  # four samples

    def stop_at_nine(done, total):
        if done == 9:
            raise Stop

    with pytest.raises(Stop):
        open_dataset([path], (32, 32), root=tmp_path / "cache", on_progress=stop_at_nine)
    told = []
    resumed = open_dataset(
        [path], (32, 32), root=tmp_path / "cache", on_progress=lambda *done: told.append(done)
    )
    assert told[0] == (7, 12)  # two backgrounds and the first chunk were kept
    assert_same_images(resumed, whole)
    assert len(folders(tmp_path)) == 1


def test_processes_decode_what_threads_decode_and_go_on_likewise(tmp_path, monkeypatch):
    entries = canonical_archive.entries(samples=10)
    by_threads = open_one(tmp_path / "threads", entries)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    monkeypatch.setattr(cache_build, "PROCESSES_FROM", 1)
    monkeypatch.setattr(chunk_decoder, "CHUNK_BYTES", 4 * 32 * 32 * 7)

    def stop_at_once(done, total):
        raise Stop

    with pytest.raises(Stop):
        open_dataset([path], (32, 32), root=tmp_path / "cache", on_progress=stop_at_once)
    told = []
    by_processes = open_dataset(
        [path], (32, 32), root=tmp_path / "cache", on_progress=lambda *done: told.append(done)
    )
    assert told[-1] == (12, 12)
    assert_same_images(by_processes, by_threads)


def test_damage_that_a_process_meets_is_told_as_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_build, "PROCESSES_FROM", 1)
    entries = canonical_archive.entries(samples=10)
    entries["mask/s4.png"] = b"nonsense"
    with pytest.raises(InputError, match=r"mask/s4\.png: no readable image"):
        open_one(tmp_path, entries)
    assert folders(tmp_path) == []


def assert_same_images(one, other):
    for name in ("backgrounds", "composites", "masks", "depths"):
        assert np.array_equal(getattr(one, name)[:], getattr(other, name)[:]), name
    assert (one.depth_valid is None) == (other.depth_valid is None)
    if one.depth_valid is not None:
        assert np.array_equal(one.depth_valid[:], other.depth_valid[:])
        assert np.array_equal(one.mask_valid[:], other.mask_valid[:])
    assert np.array_equal(one.background_rows, other.background_rows)
    pd.testing.assert_frame_equal(one.samples, other.samples)


OPEN = """
import sys
from pathlib import Path
from bench.data.cache import open_dataset
told = []
archive, root = map(Path, sys.argv[1:])
open_dataset([archive], (32, 32), root=root, on_progress=lambda *done: told.append(done))
print(told[-1][0] if told else 0)
"""


def test_of_two_runs_one_decodes_and_the_other_waits(tmp_path):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=200))
    command = [sys.executable, "-c", OPEN, path, tmp_path / "cache"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    assert sorted(int(run.communicate()[0]) for run in runs) == [0, 202]
    assert len(folders(tmp_path)) == 1


@pytest.mark.parametrize("invalid", [None, 0])
def test_without_room_on_the_disk_the_same_images_are_streamed(tmp_path, monkeypatch, invalid):
    coding = {"maximum": 65535, "near": "low", "invalid": invalid}
    entries = canonical_archive.entries(samples=10, depth_coding=coding)
    if invalid is not None:
        entries |= {f"unknown/s{i}.png": unknown(slice(i)) for i in range(10)}
    cached = open_one(tmp_path / "roomy", entries)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**28))
    remarks = []
    streamed = open_one(tmp_path, entries, on_remark=remarks.append)
    assert streamed.streamed
    assert not cached.streamed
    assert_same_images(streamed, cached)
    assert "the decoded images need 0.00 GiB, which" in remarks[-1]
    assert folders(tmp_path) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_and_streams(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(chunk_decoder.ArrayFile, "write", full)
    assert open_one(tmp_path, canonical_archive.entries()).streamed
    assert folders(tmp_path) == []
