import csv
import io
import json
import zipfile
from pathlib import Path

import canonical_archive
import numpy as np
import pytest
import simplejpeg
from converted_archive import contents, converted, opened, require_same_samples
from PIL import Image

import bench.data.images
from bench.archives.convert import convert
from bench.errors import InputError
from bench.settings import DepthCoding, Source

PUBLISHED = {  # the names of composite, mask, depth; of backgrounds; keys; backgrounds
    "numbered_per_background": (
        ("bg_fg_1/{}.jpg", "bg_fg_mask_1/{}.jpg", "depthMap/{}.jpg"),
        "bg/{}_bg.jpg",
        {"1_bg_1_fg": "1", "1_bg_2000_fg": "1", "2_bg_21_fg": "2"},
    ),
    "named_by_pair": (
        ("Mask_RCNN/fg_bg/{}.jpg", "Mask_RCNN/fg_bg_mask/{}.jpg", "Depth_output/{}.jpg"),
        "bg/bg_{}.jpg",
        {"bg_1fg_1_1": "1", "bg_1fg_1_flip_1": "1", "bg_2fg_7_20": "2"},
    ),
    "numbered_parts": (
        ("data_1/Fg-Bg/fg-bg{}.jpg", "data_1/Fg-Bg-Mask/fg-bg-mask{}.jpg", "Depth/depth{}.jpg"),
        "Background/bg{}.jpg",
        {"1": "1", "2": "1", "801": "2"},
    ),
    "numbered_single_zip": (
        ("output/images/fgbg{}.jpg", "output/masks/mask{}.jpg", "output/depth/fgbg{}.jpg"),
        "bg_images/Copy of bgimg{}.jpg",
        {"000001": "001", "002001": "001", "004000": "002"},
    ),
}


def jpeg(pixels):
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=90)


def photograph(random, side):
    """A smooth image with an edge in it, (side, side, 3)."""
    coarse = Image.fromarray(random.integers(0, 256, (9, 9, 3), np.uint8))
    pixels = np.array(coarse.resize((side, side), Image.Resampling.BICUBIC))
    pixels[side // 3 : side // 2] //= 2
    return pixels


def plasma_figure(random):
    """A depth map in the colors of plasma within a white frame, 224 px as it was published."""
    table = Path(bench.data.images.__file__).with_name("plasma.csv")
    colors = np.loadtxt(table, delimiter=",", skiprows=1).astype(np.uint8)
    levels = photograph(random, 224)[..., 0]
    figure = np.full((224, 224, 3), 255, np.uint8)
    figure[26:200, 28:203] = colors[levels][26:200, 28:203]
    return figure


def published(layout):
    """The entries of a small dataset as it was published."""
    random = np.random.default_rng(0)
    side = 160 if layout == "numbered_single_zip" else 224
    names, background_name, samples = PUBLISHED[layout]
    found = {}
    for background in sorted(set(samples.values())):
        # One that is larger than the composites, and would be decoded apart at a small size.
        found[background_name.format(background)] = jpeg(photograph(random, 2 * side))
    for key in samples:
        depth = photograph(random, side)
        if layout == "numbered_per_background":
            depth = plasma_figure(random)
        mask = np.where(photograph(random, side)[..., :1] > 127, 255, 0).astype(np.uint8)
        for name, pixels in zip(
            names, (photograph(random, side), mask.repeat(3, 2), depth), strict=True
        ):
            found[name.format(key)] = jpeg(pixels)
    return found


def test_images_are_copied_to_the_byte_and_stored(rendered_archive, tmp_path):
    made = converted(tmp_path / "sub" / "b.zip", rendered_archive)
    assert (made.samples, made.copied, made.rewritten, made.already_written) == (
        36,
        3 + 3 * 36,
        0,
        0,
    )
    before, after = contents(rendered_archive), contents(tmp_path / "sub" / "b.zip")
    assert before.keys() == after.keys()
    for name in before.keys() - {"dataset.json"}:
        assert before[name] == after[name]
    with zipfile.ZipFile(tmp_path / "sub" / "b.zip") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    coding = json.loads(after["dataset.json"])["depth"]
    assert coding == {"maximum": 12000, "near": "low", "invalid": None, "unit": "mm"}
    assert [file.name for file in (tmp_path / "sub").iterdir()] == ["b.zip"]


@pytest.mark.parametrize("layout", PUBLISHED)
def test_a_published_layout_decodes_to_the_same_bits(layout, tmp_path):
    entries = published(layout)
    source = canonical_archive.write(tmp_path / "a.zip", entries)
    assert [one.name for one in opened(source)] == [layout]
    made = converted(tmp_path / "b.zip", source)
    before, after = require_same_samples(source, tmp_path / "b.zip")
    assert len(set(before.background_rows)) == len(set(after.background_rows))
    rewritten = {"numbered_per_background": 3, "numbered_single_zip": 1}.get(layout, 0)
    assert made.rewritten == rewritten
    copies = list(contents(tmp_path / "b.zip").values())
    assert sum(content in copies for content in entries.values()) >= len(entries) - rewritten
    (converted_layout,) = opened(tmp_path / "b.zip")
    assert converted_layout.name == "canonical"
    further = before.samples.columns.drop("background")
    assert after.samples[further].equals(before.samples[further])


def test_a_mirrored_background_becomes_one_of_its_own(tmp_path):
    source = canonical_archive.write(tmp_path / "a.zip", published("numbered_single_zip"))
    converted(tmp_path / "b.zip", source)
    found = contents(tmp_path / "b.zip")
    assert sorted(name for name in found if name.startswith("background/")) == [
        "background/001.jpg",
        "background/001_mirrored.png",
        "background/002.jpg",
    ]
    plain = simplejpeg.decode_jpeg(found["background/001.jpg"])
    mirrored = np.asarray(Image.open(io.BytesIO(found["background/001_mirrored.png"])))
    assert np.array_equal(mirrored, plain[:, ::-1])
    rows = list(csv.DictReader(io.StringIO(found["samples.csv"].decode())))
    assert [(row["background"], row["scene"]) for row in rows] == [
        ("001", "001"),
        ("001_mirrored", "001"),  # a split by scene keeps the two together
        ("002", "002"),
    ]


def test_a_labelled_archive_keeps_its_further_columns(tmp_path):
    random = np.random.default_rng(0)
    entries = {"bg/hall.jpg": jpeg(photograph(random, 96))}
    lines = ["id,bg,fg_bg,fg_bg_mask,source,x"]
    for key in ("one", "two"):
        entries[f"fg_bg/{key}.jpg"] = jpeg(photograph(random, 96))
        entries[f"fg_bg_mask/{key}.jpg"] = jpeg(photograph(random, 96))
        lines.append(f'{key},bg/hall.jpg,fg_bg/{key}.jpg,fg_bg_mask/{key}.jpg,"a, b",')
    entries["labels.csv"] = "\n".join([*lines, ""]).encode()
    source = canonical_archive.write(tmp_path / "a.zip", entries)
    made = converted(tmp_path / "b.zip", source)
    assert (made.copied, made.rewritten) == (5, 0)
    before, after = require_same_samples(source, tmp_path / "b.zip")
    assert after.samples.equals(before.samples)
    assert after.samples["source"].tolist() == ["a, b", "a, b"]
    assert "depth" not in json.loads(contents(tmp_path / "b.zip")["dataset.json"])


def with_further_files():
    """A labelled archive whose columns ``exact``, ``video`` and ``camera`` are no kinds of images.

    ``exact`` names a file for the first and third sample, ``video`` one for all; ``camera`` is
    text. A readme and an image belong to no sample.
    """
    random = np.random.default_rng(0)
    entries = {"bg/hall.jpg": jpeg(photograph(random, 96))}
    lines = ["id,bg,fg_bg,fg_bg_mask,exact,video,camera"]
    for key, exact in (("one", "exact/1.png"), ("two", ""), ("three", "/home/me/exact/3.png")):
        for folder in ("fg_bg", "fg_bg_mask"):
            entries[f"{folder}/{key}.jpg"] = jpeg(photograph(random, 96))
        lines.append(
            f"{key},bg/hall.jpg,fg_bg/{key}.jpg,fg_bg_mask/{key}.jpg,{exact},video/a.mp4,left.v2"
        )
    entries |= {"exact/1.png": b"first", "exact/3.png": b"third", "video/a.mp4": b"film"}
    entries |= {"readme.txt": b"?", "exact/4.png": b"of no sample"}
    return entries | {"labels.csv": "\n".join([*lines, ""]).encode()}


def test_files_that_further_columns_name_are_copied_and_named(tmp_path):
    source = canonical_archive.write(tmp_path / "a.zip", with_further_files())
    made = converted(tmp_path / "b.zip", source)
    assert made.copied == 1 + 2 * 3 + 3
    found = contents(tmp_path / "b.zip")
    rows = list(csv.DictReader(io.StringIO(found["samples.csv"].decode())))
    assert [(row["exact"], row["video"], row["camera"]) for row in rows] == [
        ("exact/one.png", "video/one.mp4", "left.v2"),
        ("", "video/one.mp4", "left.v2"),
        ("exact/three.png", "video/one.mp4", "left.v2"),
    ]
    assert found["exact/one.png"] == b"first"
    assert found["exact/three.png"] == b"third"
    assert found["video/one.mp4"] == b"film"
    assert sorted(made.left_out) == ["exact/4.png", "readme.txt"]
    again = converted(tmp_path / "c.zip", tmp_path / "b.zip")
    assert again.left_out == ()
    after = contents(tmp_path / "c.zip")
    assert {n: found[n] for n in found if n != "dataset.json"} == {
        n: after[n] for n in after if n != "dataset.json"
    }


def test_what_is_unknown_of_masks_stays_unknown(tmp_path):
    entries = canonical_archive.entries(samples=4, size=(48, 48))
    for number in range(4):
        unknown = np.zeros((48, 48), np.uint8)
        unknown[:, : 12 * number] = 255
        entries[f"unknown/s{number}.png"] = canonical_archive.png(unknown)
    source = canonical_archive.write(tmp_path / "a.zip", entries)
    assert converted(tmp_path / "b.zip", source).copied == 2 + 4 * 4
    _, after = require_same_samples(source, tmp_path / "b.zip", (48, 48))
    assert after.mask_valid[:].mean(axis=(1, 2)).tolist() == [1, 0.75, 0.5, 0.25]


@pytest.mark.parametrize("crop", [None, (4, 8, 36, 40)])
def test_a_stated_depth_coding_goes_into_the_archive(crop, tmp_path):
    coding = DepthCoding(maximum=900, near="high", invalid=0, unit="mm", crop=crop)
    entries = canonical_archive.entries(samples=3, size=(48, 48))
    random = np.random.default_rng(0)
    for number in range(3):
        depth = random.integers(0, 1200, (48, 48)).astype(np.uint16)
        entries[f"depth/s{number}.png"] = canonical_archive.png(depth * (depth > 300))
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    source = Source(files=(str(path),), depth=coding)
    assert converted(tmp_path / "b.zip", source).rewritten == (0 if crop is None else 3)
    for size in ((32, 32), (64, 64)):
        require_same_samples(source, tmp_path / "b.zip", size)
    read = opened(tmp_path / "b.zip")[0].depth_coding
    assert read.model_dump() == coding.model_dump() | {"crop": None}


def test_masks_cut_at_another_threshold_are_written_as_cut(tmp_path):
    entries = canonical_archive.entries(samples=1)
    grey = np.zeros((32, 32), np.uint8)
    grey[:, :8], grey[:, 8:16] = 1, 2
    entries["mask/s0.png"] = canonical_archive.png(grey)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    source = Source(files=(str(path),), mask_threshold=1)
    assert converted(tmp_path / "b.zip", source).rewritten == 1
    require_same_samples(source, tmp_path / "b.zip", (32, 32))
    mask = np.asarray(Image.open(io.BytesIO(contents(tmp_path / "b.zip")["mask/s0.png"])))
    assert mask.tolist() == [[0] * 8 + [255] * 8 + [0] * 16] * 32


def test_other_kinds_of_files_become_png_and_names_follow_the_content(tmp_path):
    entries = canonical_archive.entries(samples=1)
    pixels = photograph(np.random.default_rng(0), 32)
    bitmap = io.BytesIO()
    Image.fromarray(pixels).save(bitmap, "BMP")
    entries["background/b0.png"] = bitmap.getvalue()
    entries["composite/s0.png"] = jpeg(pixels)
    path = canonical_archive.write(tmp_path / "a.zip", entries)
    made = converted(tmp_path / "b.zip", path)
    assert (made.copied, made.rewritten) == (3, 1)
    found = contents(tmp_path / "b.zip")
    assert found["composite/s0.jpg"] == entries["composite/s0.png"]
    written = Image.open(io.BytesIO(found["background/b0.png"]))
    assert written.format == "PNG"
    assert np.array_equal(written, pixels)


@pytest.mark.parametrize("name", ["b.zip", "b"])
@pytest.mark.parametrize("after", [1, 3, 7])
def test_interrupted_it_goes_on_to_the_same_bytes(
    name, after, rendered_archive, tmp_path, monkeypatch
):
    monkeypatch.setattr("bench.archives.convert.archive.CHUNK", 16)
    converted(tmp_path / "whole" / name, rendered_archive)
    calls = []

    def interrupt(done, total):
        calls.append(done)
        if len(calls) == after:
            raise KeyboardInterrupt

    out = tmp_path / name
    with pytest.raises(KeyboardInterrupt):
        convert(out, opened(rendered_archive), interrupt)
    assert not out.exists()
    assert out.with_name(f"{name}.partial").exists()
    made = converted(out, rendered_archive)
    whole = 3 + 3 * 36
    assert (made.already_written, made.copied) == (
        min(16 * after, whole),
        max(whole - 16 * after, 0),
    )
    assert contents(out) == contents(tmp_path / "whole" / name)
    if out.is_file():
        assert out.read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {name, "whole"}


@pytest.mark.parametrize("name", ["b.zip", "b"])
def test_another_command_does_not_go_on(name, rendered_archive, tmp_path, monkeypatch):
    def interrupt(done, total):
        raise KeyboardInterrupt

    out = tmp_path / name
    with pytest.raises(KeyboardInterrupt):
        convert(out, opened(rendered_archive), interrupt)
    other = canonical_archive.write(tmp_path / "o.zip", canonical_archive.entries())
    for refused in (Source(files=(str(rendered_archive),), mask_threshold=100), other):
        with pytest.raises(InputError, match=r"partial: was begun with other settings"):
            converted(out, refused)
    assert converted(out, rendered_archive).already_written == 3 + 3 * 36


def test_a_folder_holds_what_a_zip_holds_and_is_read_alike(rendered_archive, tmp_path):
    converted(tmp_path / "b.zip", rendered_archive)
    converted(tmp_path / "sub" / "b", rendered_archive)
    assert contents(tmp_path / "sub" / "b") == contents(tmp_path / "b.zip")
    assert [file.name for file in (tmp_path / "sub").iterdir()] == ["b"]
    require_same_samples(rendered_archive, tmp_path / "sub" / "b")


def test_a_folder_can_be_converted_back(rendered_archive, tmp_path):
    converted(tmp_path / "b", rendered_archive)
    converted(tmp_path / "c.zip", tmp_path / "b")
    before, after = contents(rendered_archive), contents(tmp_path / "c.zip")
    assert {n: before[n] for n in before.keys() - {"dataset.json"}} == {
        n: after[n] for n in after.keys() - {"dataset.json"}
    }


def test_excluded_samples_and_their_backgrounds_are_left_out(tmp_path):
    path = canonical_archive.write(tmp_path / "a.zip", canonical_archive.entries(samples=6))
    listed = tmp_path / "out.csv"
    listed.write_text("key,reason\ns1,x\ns3,y\ns5,z\n")  # all that stand on b1
    assert converted(tmp_path / "b.zip", path, exclude=listed).samples == 3
    found = contents(tmp_path / "b.zip")
    assert {n.split("/")[1] for n in found if "/" in n} == {"b0.png", "s0.png", "s2.png", "s4.png"}
    assert found["samples.csv"].decode().splitlines()[1:] == [
        f"s{number},b0,indoors" for number in (0, 2, 4)
    ]
    listed.write_text("key\nnobody\n")
    with pytest.raises(InputError, match=r"out\.csv: nobody is no sample of the archives"):
        converted(tmp_path / "c.zip", path, exclude=listed)
