"""Damage that is planted in a finished or half-made cache is found and mended."""

import json
import shutil
from pathlib import Path

import canonical_archive
import numpy as np
import pandas as pd
import pytest

from bench.data import cache_manifest, chunk_decoder
from bench.data.cache import open_dataset
from bench.data.cache_manifest import CacheManifest, DamagedCacheError

ARRAYS = ("background_rows", "backgrounds", "composites", "masks", "depths", "depth_valid")


@pytest.fixture
def archive(tmp_path):
    coding = {"maximum": 65535, "near": "low", "invalid": 0}
    entries = canonical_archive.entries(samples=10, depth_coding=coding)
    return canonical_archive.write(tmp_path / "a.zip", entries)


@pytest.fixture
def opened(archive, tmp_path):
    """Opens the archive; returns the dataset and the remarks, without those on the layout."""

    def opened(**options):
        remarks = []
        dataset = open_dataset(
            [archive], (32, 32), root=tmp_path / "cache", on_remark=remarks.append, **options
        )
        return dataset, [text for text in remarks if "layout" not in text]

    return opened


def cache_folder(tmp_path):
    (folder,) = (path for path in tmp_path.glob("cache/*") if path.is_dir())
    return folder


def contents(dataset):
    """A copy of all that a dataset holds."""
    arrays = ["background_rows", *ARRAYS[1:]]
    return dataset.samples.copy(), [np.array(getattr(dataset, name)) for name in arrays]


def assert_same(one, other):
    pd.testing.assert_frame_equal(one[0], other[0])
    assert all(np.array_equal(a, b) for a, b in zip(one[1], other[1], strict=True))


def change_byte(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def without_masks(path):
    manifest = json.loads(path.read_text())
    del manifest["arrays"]["masks"]
    path.write_text(json.dumps(manifest))


DAMAGE = {
    **{f"a changed byte of {name}": (f"{name}.npy", lambda path: change_byte(path, -1))
       for name in ARRAYS},
    "a changed first image": ("composites.npy", lambda path: change_byte(path, 128)),
    "a truncated array": ("masks.npy", cut),
    "an empty array": ("masks.npy", lambda path: path.write_bytes(b"")),
    "no array at all": ("masks.npy", lambda path: path.write_text("nothing")),
    "an array of another shape": ("masks.npy", lambda path: np.save(path, np.ones((10, 9, 9)))),
    "a longer array": ("masks.npy", lambda path: path.write_bytes(path.read_bytes() + b"0")),
    "a deleted array": ("masks.npy", Path.unlink),
    "a changed table": ("samples.parquet", lambda path: change_byte(path, 100)),
    "a deleted table": ("samples.parquet", Path.unlink),
    "a deleted manifest": ("manifest.json", Path.unlink),
    "a truncated manifest": ("manifest.json", cut),
    "no manifest at all": ("manifest.json", lambda path: path.write_text("{}")),
    "a manifest without masks": ("manifest.json", without_masks),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_made_anew_with_a_remark(opened, tmp_path, damage):
    before = contents(opened()[0])
    name, plant = DAMAGE[damage]
    plant(cache_folder(tmp_path) / name)
    mended, remarks = opened()
    assert_same(contents(mended), before)
    assert mended.tasks == ("mask", "depth")
    assert len(remarks) == 1
    assert name in remarks[0]
    assert remarks[0].endswith("; decoding the images anew")
    assert opened()[1] == []


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of one sample, and a cache that counts as large."""
    monkeypatch.setattr(chunk_decoder, "CHUNK_BYTES", 1)
    monkeypatch.setattr(cache_manifest, "CHECKED_BYTES", 30_000)


def test_of_a_large_cache_some_chunks_are_checked_others_at_each_opening(
    opened, tmp_path, small_chunks, monkeypatch
):
    opened()
    checked = []
    monkeypatch.setattr(
        cache_manifest,
        "digest_of",
        lambda rows: checked.append(rows.nbytes) or "another",
    )
    manifest = CacheManifest.read(cache_folder(tmp_path))
    held = sum(stored.bytes for stored in manifest.arrays.values())
    with pytest.raises(DamagedCacheError):
        manifest.open_arrays(cache_folder(tmp_path), whole=False)
    assert 0 < sum(checked) < held / 2


def test_damage_to_a_large_cache_is_found_in_time_and_at_once_if_asked_for(
    opened, tmp_path, small_chunks
):
    opened()
    folder = cache_folder(tmp_path)
    change_byte(folder / "masks.npy", -1)
    manifest = CacheManifest.read(folder)

    def is_found(*, whole):
        try:
            manifest.open_arrays(folder, whole=whole)
        except DamagedCacheError:
            return True
        return False

    assert all(is_found(whole=True) for _ in range(5))
    found = [is_found(whole=False) for _ in range(200)]  # each time with a chance of 0.3
    assert any(found)
    assert not all(found)
    assert len(opened(check_cache=True)[1]) == 1
    assert opened(check_cache=True)[1] == []


class Stop(BaseException):
    """A kill, as far as the build can tell."""


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("masks.npy", cut),
        ("masks.npy", Path.unlink),
        ("state.json", cut),
        ("state.json", lambda path: path.write_text("[1]")),
    ],
)
def test_a_half_made_cache_that_is_damaged_is_begun_again(
    opened, tmp_path, monkeypatch, name, plant
):
    whole = contents(opened()[0])
    shutil.rmtree(cache_folder(tmp_path))
    monkeypatch.setattr(chunk_decoder, "CHUNK_BYTES", 4 * 32 * 32 * 7)  # four samples

    def stop_at_nine(done, total):
        if done == 9:
            raise Stop

    with pytest.raises(Stop):
        opened(on_progress=stop_at_nine)
    plant(cache_folder(tmp_path) / name)
    told = []
    mended, _ = opened(on_progress=lambda *done: told.append(done))
    assert told[0][0] < 7
    assert_same(contents(mended), whole)
