import io
import json

import canonical_archive
import numpy as np
import pandas as pd
import pytest
import simplejpeg
from decoded_archive import folders, open_one, unknown
from PIL import Image

from bench.data.cache import open_dataset
from bench.errors import InputError
from bench.settings import Source


def test_every_sample_is_joined_with_its_own_images(tmp_path):
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


def test_targets_are_decoded_whole_and_averaged_whatever_the_size(tmp_path):
    """A JPEG decoded at a quarter of its size moves the edges of a mask."""
    random = np.random.default_rng(0)
    blobs = Image.fromarray(random.integers(0, 2, (12, 12), np.uint8) * np.uint8(255))
    drawn = {
        "mask": blobs.resize((256, 256), Image.Resampling.BICUBIC),
        "depth": Image.fromarray(random.integers(0, 256, (256, 256), np.uint8)),
    }
    entries = canonical_archive.entries(samples=1, backgrounds=1, size=(256, 256))
    for kind, image in drawn.items():
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        entries[f"{kind}/s0.jpg"] = buffer.getvalue()
        del entries[f"{kind}/s0.png"]
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    source = Source(files=(str(path),), depth={"maximum": 255, "near": "low"})
    dataset = open_dataset([source], (32, 32), root=tmp_path / "cache")
    whole = {
        kind: simplejpeg.decode_jpeg(entries[f"{kind}/s0.jpg"], "GRAY")[..., 0] for kind in drawn
    }
    bilinear = Image.Resampling.BILINEAR
    mask = np.asarray(Image.fromarray(whole["mask"]).resize((32, 32), bilinear)) > 127
    assert np.array_equal(dataset.masks[0], mask)
    depth = Image.fromarray(whole["depth"].astype(np.float32)).resize((32, 32), bilinear)
    assert dataset.depths[0] == pytest.approx(np.asarray(depth), abs=0.501)


def test_pixels_whose_mask_is_unknown_are_marked_and_what_it_says_there_changes_nothing(tmp_path):
    region = (slice(10, 31), slice(0, 32))
    found = []
    for name, grey in (("black", 0), ("grey", 128), ("white", 255)):
        entries = canonical_archive.entries(samples=1, backgrounds=1, size=(64, 64))
        mask = np.zeros((64, 64), np.uint8)
        mask[4:12] = 255
        mask[region] = grey
        entries["mask/s0.png"] = canonical_archive.png(mask)
        entries["unknown/s0.png"] = unknown(region, 64)
        found.append(open_one(tmp_path / name, entries))
    # Of a resized row that the edge of the region crosses, half is known: enough.
    assert found[0].mask_valid[0].tolist() == [
        [int(row not in range(5, 15) or column >= 16) for column in range(32)] for row in range(32)
    ]
    assert found[0].masks[0][2:5].all()
    assert not found[0].masks[0][15:].any()
    for other in found[1:]:
        assert np.array_equal(other.masks[0], found[0].masks[0])
        assert np.array_equal(other.mask_valid[0], found[0].mask_valid[0])


def test_an_ignore_region_that_is_empty_everywhere_is_none(tmp_path):
    entries = canonical_archive.entries(samples=2)
    entries |= {f"unknown/s{i}.png": unknown(slice(0)) for i in range(2)}
    assert open_one(tmp_path, entries).mask_valid is None


def test_an_ignore_region_that_only_some_samples_have_is_refused(tmp_path):
    entries = canonical_archive.entries(samples=10) | {"unknown/s0.png": unknown(slice(5))}
    with pytest.raises(InputError, match="9 of 10 samples have no unknown, the first is s1"):
        open_one(tmp_path, entries)


def test_every_column_of_the_samples_survives_the_cache(tmp_path, monkeypatch):
    """Those of the cache's own names, and those that one of two archives lacks, too."""
    paths = []
    for name, column in (("a", "background_row"), ("b", "scene")):
        entries = canonical_archive.entries(samples=3, seed=len(paths))
        lines = [f"{name}{i},b{i % 2},{column} {i}" for i in range(3)]
        entries["samples.csv"] = "\n".join([f"key,background,{column}", *lines, ""]).encode()
        renamed = {path.replace("/s", f"/{name}"): content for path, content in entries.items()}
        paths.append(canonical_archive.write(tmp_path / f"{name}.zip", renamed))
    cached, again = (open_dataset(paths, (32, 32), root=tmp_path / "cache") for _ in range(2))
    monkeypatch.setattr("bench.data.cache_build.CacheBuild.has_room", lambda _: False)
    streamed = open_dataset(paths, (32, 32), root=tmp_path / "other")
    assert streamed.samples.columns.tolist() == ["key", "background", "background_row", "scene"]
    assert streamed.samples["scene"].tolist()[3:] == ["scene 0", "scene 1", "scene 2"]
    for dataset in (cached, again):
        pd.testing.assert_frame_equal(dataset.samples, streamed.samples, check_dtype=False)
        assert dataset.samples.isna().equals(streamed.samples.isna())


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
        (_without("samples.csv"), "in no layout that is known (canonical, "),
        (_without("mask/s4.png"), "1 of 10 samples have no mask, the first is s4"),
        (_without("depth/s9.png"), "1 of 10 samples have no depth, the first is s9"),
        (_without("background/b1.png"), "5 of 10 samples have no background (b1), the first is s1"),
        (_with("mask/s4.png", b"nonsense"), "mask/s4.png: no readable image"),
        (_with("composite/s4.png", b"\xff\xd8nonsense"), "composite/s4.png: "),
        (
            _with("mask/s4.png", SMALL),
            "mask/s4.png is 20x16 px, but background/b0.png is 32x32 px; a sample's images must",
        ),
        (
            _with("background/b0.png", SMALL),
            "composite/s0.png is 32x32 px, but background/b0.png is 20x16 px",
        ),
        (_with("samples.csv", b""), "samples.csv: not a CSV table"),
        (_with("samples.csv", b"id,background\ns0,b0\n"), "samples.csv: has no column 'key'"),
        (_with("samples.csv", b"key,background\n"), "samples.csv: lists no sample"),
        (_with("samples.csv", b"key,background\ns0,b0\ns0,b0\n"), "the key s0 is listed twice"),
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
    assert folders(tmp_path) == []


def test_a_key_in_two_archives_is_refused(tmp_path):
    paths = [
        canonical_archive.write(tmp_path / name, canonical_archive.entries(seed=seed))
        for seed, name in enumerate(("a.zip", "b.zip"))
    ]
    with pytest.raises(InputError, match="the key s0 stands in more than one of the archives"):
        open_dataset(paths, (32, 32), root=tmp_path / "cache")


def test_samples_can_be_left_out_by_a_list(tmp_path):
    listed = tmp_path / "bad.csv"
    listed.write_text("key,reason\ns2,blurred\ns4,no mask\n")
    entries = canonical_archive.entries(samples=6)
    del entries["mask/s4.png"]
    dataset = open_one(tmp_path, entries, exclude=listed)
    assert list(dataset.keys) == ["s0", "s1", "s3", "s5"]
    assert dataset.depths[2, 0, 0] == pytest.approx(65535 * 3 / 6, abs=1)
    listed.write_text("key\nelsewhere\n")
    with pytest.raises(InputError, match=r"bad\.csv: elsewhere is no sample"):
        open_one(tmp_path, entries, exclude=listed)


def test_a_head_that_the_archive_lacks_is_none(tmp_path):
    entries = canonical_archive.entries(samples=4)
    no_depth = {name: content for name, content in entries.items() if "depth/" not in name}
    dataset = open_one(tmp_path, no_depth)
    assert dataset.tasks == ("mask",)
    assert dataset.depths is None
    bare = {name: c for name, c in no_depth.items() if "background/" not in name}
    assert open_one(tmp_path, bare).backgrounds is None


def test_how_an_archive_is_read_makes_another_cache(tmp_path):
    entries = canonical_archive.entries(samples=4)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    plain = open_dataset([path], (32, 32), root=tmp_path / "cache")
    turned = Source(files=(str(path),), depth={"maximum": 65535, "near": "high"})
    dataset = open_dataset([turned], (32, 32), root=tmp_path / "cache")
    assert dataset.fingerprint != plain.fingerprint
    assert dataset.depths[1, 0, 0] == pytest.approx(65535 * 3 / 4, abs=1)


def test_a_plots_frame_is_cropped_and_the_rest_stretched(tmp_path):
    entries = canonical_archive.entries(samples=1, backgrounds=1)
    framed = np.full((32, 32), 255, np.uint8)
    framed[4:28, 8:24] = np.repeat([[0], [100]], 12, axis=0)
    entries["depth/s0.png"] = canonical_archive.png(framed)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    source = Source(files=(str(path),), depth={"crop": (4, 8, 28, 24)})
    dataset = open_dataset([source], (32, 32), root=tmp_path / "cache")
    assert dataset.depths[0, :14].tolist() == [[0] * 32] * 14
    assert dataset.depths[0, 18:].tolist() == [[100] * 32] * 14
    outside = Source(files=(str(path),), depth={"crop": (4, 8, 28, 40)})
    with pytest.raises(InputError, match=r"s0\.png: depth\.crop \[4, 8, 28, 40\] does not fit"):
        open_dataset([outside], (32, 32), root=tmp_path / "cache")
