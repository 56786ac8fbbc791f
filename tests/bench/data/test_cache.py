import json

import canonical_archive
import numpy as np
import pandas as pd
import pytest

from bench.data.cache import open_dataset
from bench.errors import InputError


def open_one(tmp_path, entries, size=(32, 32), **options):
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    return open_dataset([path], size, root=tmp_path / "cache", **options)


def test_every_sample_is_joined_with_its_own_pictures(tmp_path):
    dataset = open_one(tmp_path, canonical_archive.entries(samples=10))
    assert list(dataset.keys) == [f"s{i}" for i in range(10)]
    for row in range(10):
        place = 2 + row
        square = np.zeros((32, 32), np.uint8)
        square[place : place + 12, place : place + 12] = 1
        assert np.array_equal(dataset.masks[row], square)
        assert (dataset.composites[row][square == 1] == 230).all()
        background = dataset.backgrounds[dataset.background_rows[row]]
        assert np.array_equal(dataset.composites[row][square == 0], background[square == 0])
        assert dataset.depths[row] == pytest.approx(65535 * row / 10, abs=1)
    assert dataset.samples["background"].tolist() == [f"b{i % 2}" for i in range(10)]
    assert dataset.samples["scene"].tolist() == ["indoors"] * 10
    assert dataset.depth_valid is None


def test_samples_are_joined_by_key_whatever_the_order_of_entries(tmp_path):
    entries = canonical_archive.entries()
    forward = open_one(tmp_path, entries)
    path = canonical_archive.write(tmp_path / "b.zip", dict(reversed(list(entries.items()))))
    backward = open_dataset([path], (32, 32), root=tmp_path / "cache")
    assert np.array_equal(forward.composites, backward.composites)
    assert np.array_equal(forward.masks, backward.masks)


def test_depth_is_near_zero_whatever_the_coding(tmp_path):
    coding = {"unit": "mm", "maximum": 10000, "near": "high", "invalid": 0}
    entries = canonical_archive.entries(depth_coding=coding)
    coded = np.full((32, 32), 2500, np.uint16)
    coded[:16] = 20000
    coded[:, 24:] = 0
    entries["depth/s0.png"] = canonical_archive.png(coded)
    dataset = open_one(tmp_path, entries)
    depth = dataset.depths[0] / dataset.depth_maximum
    assert depth[:16, :24] == pytest.approx(0)  # beyond the maximum: clipped to the near end
    assert depth[16:, :24] == pytest.approx(0.75, abs=1e-4)
    assert dataset.depth_valid[0].tolist() == ([[1] * 24 + [0] * 8] * 32)


def test_jpeg_greys_of_a_mask_are_cut_at_the_threshold(tmp_path):
    entries = canonical_archive.entries()
    grey = np.zeros((32, 32), np.uint8)
    grey[:, :8], grey[:, 8:16] = 127, 128
    entries["mask/s0.png"] = canonical_archive.png(grey)
    assert open_one(tmp_path, entries).masks[0].tolist() == [[0] * 8 + [1] * 8 + [0] * 16] * 32


def test_the_size_is_height_then_width(tmp_path):
    dataset = open_one(tmp_path, canonical_archive.entries(size=(48, 64)), size=(32, 40))
    assert dataset.composites.shape == (10, 32, 40, 3)
    assert dataset.depths.shape == (10, 32, 40)


def test_the_second_opening_decodes_nothing(tmp_path):
    decoded = []
    entries = canonical_archive.entries(samples=10, backgrounds=2)
    first = open_one(tmp_path, entries, on_progress=lambda *done: decoded.append(done))
    assert decoded[-1] == (12, 12)
    second = open_one(tmp_path, entries, on_progress=lambda *done: decoded.append(done))
    assert len(decoded) == 12
    assert np.array_equal(first.composites, second.composites)
    pd.testing.assert_frame_equal(first.samples, second.samples)


def test_a_changed_archive_is_decoded_anew(tmp_path):
    entries = canonical_archive.entries()
    open_one(tmp_path, entries)
    entries["mask/s0.png"] = canonical_archive.png(np.full((32, 32), 255, np.uint8))
    assert open_one(tmp_path, entries).masks[0].all()


def test_archives_together_keep_their_own_backgrounds(tmp_path):
    entries = canonical_archive.entries(samples=2, seed=1)
    renamed = {name.replace("/s", "/t"): content for name, content in entries.items()}
    renamed["samples.csv"] = entries["samples.csv"].replace(b"\ns", b"\nt")
    paths = [
        canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=2)),
        canonical_archive.write(tmp_path / "b.zip", renamed),
    ]
    dataset = open_dataset(paths, (32, 32), root=tmp_path / "cache")
    assert list(dataset.keys) == ["s0", "s1", "t0", "t1"]
    assert dataset.background_rows.tolist() == [0, 1, 2, 3]
    assert not np.array_equal(dataset.backgrounds[0], dataset.backgrounds[2])


def _without(name):
    return lambda entries: entries.pop(name)


def _with(name, content):
    return lambda entries: entries.update({name: content})


def _description(**depth):
    return json.dumps({"format": 1, "depth": depth}).encode()


SMALL = canonical_archive.png(np.zeros((16, 20), np.uint8))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without("samples.csv"), "has no samples.csv; a canonical archive holds background/"),
        (_without("mask/s4.png"), "sample s4 has no mask: mask/s4.jpg or .png is missing"),
        (_without("depth/s9.png"), "sample s9 has no depth: depth/s9.jpg or .png is missing"),
        (_without("background/b1.png"), "sample s1 has no background: background/b1.jpg or .png"),
        (_with("mask/s4.png", b"nonsense"), "mask/s4.png: no readable picture"),
        (_with("composite/s4.png", b"\xff\xd8nonsense"), "composite/s4.png: "),
        (
            _with("mask/s4.png", SMALL),
            "mask/s4.png is 20x16 px, but composite/s4.png is 32x32 px; a sample's pictures must",
        ),
        (_with("background/b0.png", SMALL), "background/b0.png is 20x16 px, but composite/s0.png"),
        (_with("samples.csv", b""), "samples.csv: not a CSV table"),
        (_with("samples.csv", b"id,background\ns0,b0\n"), "samples.csv: has no column 'key'"),
        (_with("samples.csv", b"key,background\n"), "samples.csv: lists no sample"),
        (_with("samples.csv", b"key,background\ns0,b0\ns0,b0\n"), "the key s0 stands twice"),
        (_with("dataset.json", b"{"), "dataset.json: not valid JSON"),
        (_with("dataset.json", b'{"format": 2}'), "dataset.json: format: "),
        (_with("dataset.json", _description(near="far")), "dataset.json: depth.near: "),
        (_with("dataset.json", _description(maximum=0)), "dataset.json: depth.maximum: "),
    ],
)
def test_damage_is_one_line_that_names_archive_and_entry(tmp_path, damage, message):
    entries = canonical_archive.entries()
    damage(entries)
    with pytest.raises(InputError) as error:
        open_one(tmp_path, entries)
    text = str(error.value)
    assert text.startswith(f"{tmp_path / 'a.zip'}: ")
    assert message in text
    assert "\n" not in text
    cache = tmp_path / "cache"
    assert not cache.exists() or list(cache.iterdir()) == []


def test_a_key_in_two_archives_is_refused(tmp_path):
    paths = [
        canonical_archive.write(tmp_path / name, canonical_archive.entries(seed=seed))
        for seed, name in enumerate(("a.zip", "b.zip"))
    ]
    with pytest.raises(InputError, match="the key s0 stands in more than one of the archives"):
        open_dataset(paths, (32, 32), root=tmp_path / "cache")
