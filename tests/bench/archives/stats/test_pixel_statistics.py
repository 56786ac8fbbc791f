import io
import json
import zipfile

import canonical_archive
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from bench.archives.stats import tally
from bench.archives.stats.pixel_statistics import measure
from bench.data.selection import open_selection
from bench.errors import InputError
from bench.settings import Source


def measured(*paths):
    sources = [Source(files=(str(path),)) for path in paths]
    layouts = open_selection(sources, None, lambda text: None)
    return measure(layouts, lambda done, total: None)


def write(tmp_path, entries, name="a.zip"):
    return canonical_archive.write(tmp_path / name, entries)


def of_channel(kind, name="depth"):
    found = kind.channels[name]
    return found.mean, found.std, found.mean_image_std


def test_mean_and_deviation_are_those_of_all_pixels_together(rendered_archive):
    found = measured(rendered_archive)
    with zipfile.ZipFile(rendered_archive) as archive:
        for kind, count in (("background", 3), ("composite", 36)):
            names = [name for name in archive.namelist() if name.startswith(f"{kind}/")]
            pixels = np.stack([simplejpeg.decode_jpeg(archive.read(name)) for name in names]) / 255
            assert found.kinds[kind].images == len(pixels) == count
            assert found.kinds[kind].pixels == count * 64 * 64
            for number, channel in enumerate(("red", "green", "blue")):
                values = pixels[..., number]
                of_images = values.std(axis=(1, 2)).mean()
                expected = values.mean(), values.std(), of_images
                shown = of_channel(found.kinds[kind], channel)
                assert shown == pytest.approx(expected, rel=1e-12)
                assert of_images < values.std()
        names = [name for name in archive.namelist() if name.startswith("depth/")]
        depth = np.stack([np.asarray(Image.open(io.BytesIO(archive.read(n)))) for n in names])
        depth = depth / 12000
    expected = depth.mean(), depth.std(), depth.std(axis=(1, 2)).mean()
    assert of_channel(found.kinds["depth"]) == pytest.approx(expected, rel=1e-12)
    assert found.depth.mean == pytest.approx(depth.mean(), rel=1e-12)
    assert found.depth.counts == np.histogram(depth, 32, (0, 1))[0].tolist()


def test_the_figures_do_not_depend_on_how_the_images_are_shared_out(rendered_archive, monkeypatch):
    whole = measured(rendered_archive)
    monkeypatch.setattr(tally, "CHUNK", 5)
    assert measured(rendered_archive) == whole


def test_coverage_is_counted_at_the_threshold_image_by_image(tmp_path):
    entries = canonical_archive.entries(samples=11)
    for number in range(11):  # 0, 1 ... 10 of 32 rows are object
        mask = np.full((32, 32), 127, np.uint8)
        mask[:number] = 128
        entries[f"mask/s{number}.png"] = canonical_archive.png(mask)
    found = measured(write(tmp_path, entries))
    assert found.coverage_deciles == pytest.approx([number / 32 for number in range(11)])
    assert found.coverage.mean == pytest.approx(5 / 32)
    assert found.coverage.counts == [1] * 11 + [0] * 21
    share = 55 / (11 * 32)
    mean, std, of_images = of_channel(found.kinds["mask"], "object")
    assert (mean, std) == pytest.approx((share, (share * (1 - share)) ** 0.5))
    assert of_images == pytest.approx(np.mean([(n / 32 * (1 - n / 32)) ** 0.5 for n in range(11)]))


def test_depth_is_near_zero_and_pixels_without_a_reading_do_not_count(tmp_path):
    coding = {"unit": "mm", "maximum": 1000, "near": "high", "invalid": 0}
    entries = canonical_archive.entries(samples=2, depth_coding=coding)
    half = np.zeros((32, 32), np.uint16)
    half[:16, :16], half[16:, 16:] = 250, 5000  # depth 0.75; beyond the maximum, so 0
    entries["depth/s0.png"] = canonical_archive.png(half)
    entries["depth/s1.png"] = canonical_archive.png(np.zeros((32, 32), np.uint16))
    found = measured(write(tmp_path, entries))
    kind = found.kinds["depth"]
    assert (kind.images, kind.pixels, kind.without_reading) == (2, 512, 512 + 1024)
    assert of_channel(kind) == pytest.approx((0.375, 0.375, 0.375))  # of one image; one has none
    assert found.depth.counts == [256] + [0] * 23 + [256] + [0] * 7
    (raw,) = found.raw_depth
    assert (raw.minimum, raw.maximum, raw.coding["maximum"]) == (250, 5000, 1000)


def test_depth_without_any_reading_is_null_in_json(tmp_path):
    coding = {"maximum": 1000, "near": "low", "invalid": 7}
    entries = canonical_archive.entries(samples=1, depth_coding=coding)
    entries["depth/s0.png"] = canonical_archive.png(np.full((32, 32), 7, np.uint16))
    found = measured(write(tmp_path, entries)).as_json()
    assert found["kinds"]["depth"]["channels"]["depth"] == {
        "mean": None,
        "std": None,
        "mean_image_std": None,
    }
    assert found["raw_depth"][0]["minimum"] is None
    json.dumps(found, allow_nan=False)


def test_datasets_of_different_depth_codings_are_measured_in_one_unit(tmp_path):
    paths = []
    for name, maximum in (("a", 1000), ("b", 500)):
        coding = {"maximum": maximum, "near": "low", "invalid": None}
        entries = canonical_archive.entries(samples=1, depth_coding=coding)
        entries["depth/s0.png"] = canonical_archive.png(np.full((32, 32), 100, np.uint16))
        entries = {key.replace("/s0", f"/{name}0"): text for key, text in entries.items()}
        entries["samples.csv"] = entries["samples.csv"].replace(b"\ns0", f"\n{name}0".encode())
        paths.append(write(tmp_path, entries, f"{name}.zip"))
    found = measured(*paths)
    assert of_channel(found.kinds["depth"]) == pytest.approx((0.15, 0.05, 0), abs=1e-12)
    assert [raw.coding["maximum"] for raw in found.raw_depth] == [1000, 500]


def test_what_there_is_not_is_left_out(tmp_path):
    entries = canonical_archive.entries(samples=2)
    there = {n: t for n, t in entries.items() if not n.startswith(("mask/", "depth/"))}
    found = measured(write(tmp_path, there))
    assert list(found.kinds) == ["background", "composite"]
    assert (found.coverage, found.coverage_deciles, found.depth) == (None, [], None)


def test_a_sample_without_a_partner_and_a_damaged_image_are_refused(tmp_path):
    entries = canonical_archive.entries()
    mask = entries.pop("mask/s3.png")
    with pytest.raises(InputError, match="1 of 10 samples have no mask, the first is s3"):
        measured(write(tmp_path, entries))
    entries["mask/s3.png"] = mask[:-40]
    with pytest.raises(InputError, match=r"b\.zip: mask/s3\.png: no readable image"):
        measured(write(tmp_path, entries, "b.zip"))


def test_progress_counts_every_image_once(tmp_path):
    steps = []
    layouts = open_selection(
        [Source(files=(str(write(tmp_path, canonical_archive.entries())),))], None, print
    )
    measure(layouts, lambda done, total: steps.append((done, total)))
    assert steps[-1] == (32, 32)  # 2 backgrounds, and 10 each of the others
