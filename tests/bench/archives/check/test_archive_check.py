import io
import json
import re
import struct
import warnings
import zipfile
import zlib
from dataclasses import replace

import canonical_archive
import filmed_archive
import numpy as np
import pytest
from PIL import ExifTags, Image

from bench.archives.check import Severity, inspect
from bench.archives.check.measuring import measure
from bench.archives.check.run import judge
from bench.data.layouts import open_layouts
from bench.settings import Source

png = canonical_archive.png


def pixels(content):
    return np.array(Image.open(io.BytesIO(content)))


def jpeg(image, quality=90):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def edit(kind, *numbers):
    """A fault planted by changing the pixels of one kind of image."""

    def with_change(change):
        def plant(entries):
            for number in numbers:
                name = f"{kind}/s{number}.png"
                entries[name] = change(entries[name])

        return plant

    return with_change


def drop(kind, *numbers):
    def plant(entries):
        for number in numbers:
            del entries[f"{kind}/s{number}.png"]

    return plant


def truncated_jpeg(content):
    whole = jpeg(pixels(content))
    return whole[:-30]


def turned(content):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 3  # upside down, which changes no size
    Image.fromarray(pixels(content)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def mostly_unread(content):
    depth = pixels(content)
    depth[20:] = 0
    return png(depth)


def other_backgrounds(*numbers):
    def plant(entries):
        lines = entries["samples.csv"].decode().splitlines()
        for number in numbers:
            lines[1 + number] = f"s{number},b{(number + 1) % 3},indoors"
        entries["samples.csv"] = "\n".join(lines).encode()

    return plant


def mirror_composites(*numbers):
    def plant(entries):
        for kind in ("composite", "mask", "depth"):
            for number in numbers:
                name = f"{kind}/s{number}.png"
                entries[name] = png(pixels(entries[name])[:, ::-1])

    return plant


def copy_sample(entries, number, change=lambda content: content):
    """Append sample ``number`` again as s15, its composite changed."""
    for kind in ("composite", "mask", "depth"):
        entries[f"{kind}/s15.png"] = entries[f"{kind}/s{number}.png"]
    entries["composite/s15.png"] = change(entries["composite/s15.png"])
    entries["samples.csv"] += f"s15,b{number % 3},indoors\n".encode()


def swap_masks(entries):
    first, last = "mask/s0.png", "mask/s14.png"
    entries[first], entries[last] = entries[last], entries[first]


def stated(entries, **coding):
    description = json.loads(entries["dataset.json"])
    description["depth"] |= coding
    entries["dataset.json"] = json.dumps(description).encode()


def beyond(entries):
    stated(entries, maximum=60000)
    edit("depth", 5)(lambda content: png(pixels(content) + 8000))(entries)


def soft(content):
    grey = pixels(content)
    grey[40:] = 100
    return png(grey)


def squeezed(content):
    return png(np.asarray(Image.fromarray(pixels(content)).resize((64, 48))))


FAULTS = {
    "unreadable composite": (edit("composite", 1, 4)(lambda c: b"no image"), {"s1", "s4"}),
    "unreadable mask": (edit("mask", 2)(lambda c: b""), {"s2"}),
    "unreadable depth": (edit("depth", 0, 14)(lambda c: c[:20]), {"s0", "s14"}),
    "truncated composite": (edit("composite", 3, 5, 6)(truncated_jpeg), {"s3", "s5", "s6"}),
    "truncated mask": (edit("mask", 7)(truncated_jpeg), {"s7"}),
    "truncated depth": (edit("depth", 8)(lambda c: c[: len(c) // 2]), {"s8"}),
    "turned composite": (edit("composite", 1, 6)(turned), {"s1", "s6"}),
    "turned mask": (edit("mask", 3)(turned), {"s3"}),
    "16-bit composite": (
        edit("composite", 2, 9)(lambda c: png(pixels(c)[..., 0] * np.uint16(257))),
        {"s2", "s9"},
    ),
    "constant composite": (edit("composite", 9)(lambda c: png(pixels(c) * 0 + 90)), {"s9"}),
    "constant depth": (edit("depth", 9)(lambda c: png(pixels(c) // 65535 + 7)), {"s9"}),
    "missing composite": (drop("composite", 2, 3), {"s2", "s3"}),
    "missing mask": (drop("mask", 4), {"s4"}),
    "missing depth": (drop("depth", 5, 6, 7), {"s5", "s6", "s7"}),
    "missing background": (
        lambda entries: entries.pop("background/b2.png"),
        {"s2", "s5", "s8", "s11", "s14"},
    ),
    "sizes that differ": (edit("mask", 3, 12)(squeezed), {"s3", "s12"}),
    "empty mask": (edit("mask", 1, 2)(lambda c: png(pixels(c) * 0)), {"s1", "s2"}),
    "faint mask": (edit("mask", 1, 3)(lambda c: png(pixels(c) // 255)), {"s1", "s3"}),
    "full mask": (edit("mask", 11)(lambda c: png(pixels(c) * 0 + 255)), {"s11"}),
    "grey mask": (edit("mask", 10, 13)(soft), {"s10", "s13"}),
    "mask beside the change": (swap_masks, {"s0", "s14"}),
    "few depth levels": (
        edit("depth", 4, 8)(lambda c: png(pixels(c) // 4096 * 4096)),
        {"s4", "s8"},
    ),
    "wrong background": (other_backgrounds(0, 7, 13), {"s0", "s7", "s13"}),
    "mirrored background": (mirror_composites(2, 9), {"s2", "s9"}),
    "repeated composite": (lambda entries: copy_sample(entries, 4), {"s15"}),
    "depth beyond its maximum": (beyond, {"s5"}),
    "look alike": (
        lambda entries: copy_sample(entries, 4, lambda c: png(pixels(c) // 4 * 4)),
        {"s4", "s15"},
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_in_exactly_the_samples_that_have_it(
    name, entries, inspect_entries
):
    plant, affected = FAULTS[name]
    plant(entries)
    finding = inspect_entries(entries)[name]
    assert set(finding.subjects) == affected
    stops_training = name.startswith(
        ("unreadable", "truncated", "turned", "16-bit", "missing", "sizes")
    )
    assert (finding.severity is Severity.ERROR) == stops_training
    assert set(finding.leave_out) == affected or not stops_training


def test_a_sound_archive_has_no_findings(entries, inspect_entries):
    assert inspect_entries(entries) == {}


def test_a_rendered_archive_has_neither_errors_nor_warnings(rendered_archive):
    """Its two photographs differ in exposure, light, noise and the camera's place."""
    found = inspect(
        open_layouts(Source(files=(str(rendered_archive),))), on_progress=lambda done, total: None
    )
    assert {finding.severity for finding in found.findings} <= {Severity.NOTE}
    assert len(found.table) == 36


def inspect_written(tmp_path, found):
    path = canonical_archive.write(tmp_path / "film.zip", found)
    return inspect(
        open_layouts(Source(files=(str(path),))), on_progress=lambda done, total: None
    ).findings


@pytest.mark.parametrize("backgrounds", [True, False])
def test_a_film_is_warned_of_and_the_column_to_split_by_is_named(tmp_path, backgrounds):
    (finding,) = inspect_written(tmp_path, filmed_archive.entries(backgrounds=backgrounds))
    assert (finding.name, finding.severity) == ("near-duplicate composites", Severity.WARNING)
    share = float(re.search(r"trains on a near-duplicate of (\d+)% of the test", finding.advice)[1])
    assert share > 25
    assert finding.advice.endswith("; data: {split: {by: scene}} keeps them together")
    assert finding.leave_out == ()


def test_frames_of_different_films_are_no_near_duplicates(tmp_path):
    assert inspect_written(tmp_path, filmed_archive.entries(scenes=20, frames=1)) == ()


def test_a_few_near_duplicates_are_a_note_with_their_share(tmp_path):
    found = filmed_archive.entries(scenes=40, frames=1)
    found["composite/s7_00.png"] = png(pixels(found["composite/s3_00.png"]) // 2 * 2)
    finding = next(f for f in inspect_written(tmp_path, found) if f.name.startswith("near-dup"))
    assert set(finding.subjects) == {"s3_00", "s7_00"}
    assert finding.severity is Severity.NOTE
    assert "near-duplicate of 3% of the test" in finding.advice  # 2 of 40, each by 0.6


def test_an_entry_that_stands_twice_is_found(entries, tmp_path):
    path = canonical_archive.write(tmp_path / "appended.zip", entries)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of what is planted here
        archive.writestr("mask/s3.png", entries["mask/s4.png"])
    found = inspect(
        open_layouts(Source(files=(str(path),))), on_progress=lambda done, total: None
    ).findings
    twice = [finding for finding in found if finding.name == "repeated entry"]
    assert [finding.subjects for finding in twice] == [("mask/s3.png",)]


def test_a_background_under_two_names_is_found(entries, inspect_entries):
    entries["background/b2.png"] = entries["background/b0.png"]
    finding = inspect_entries(entries)["repeated background"]
    assert set(finding.subjects) == {"b0", "b2"}
    assert finding.severity is Severity.NOTE


def test_the_right_background_is_named(entries, inspect_entries):
    other_backgrounds(4)(entries)
    assert "s4 says b2 and fits b1" in inspect_entries(entries)["wrong background"].advice


def test_a_background_that_the_layout_mirrors_is_right(entries, tmp_path):
    mirror_composites(*range(15))(entries)
    path = canonical_archive.write(tmp_path / "mirrored.zip", entries)
    (layout,) = open_layouts(Source(files=(str(path),)))
    layout = replace(layout, samples=layout.samples.assign(background_mirrored=True))
    table = measure(layout, lambda steps: None)
    assert judge(table) == []
    assert table["mask_overlap"].min() > 0.8


def test_an_exposure_that_differs_is_no_fault(entries, inspect_entries):
    for number in range(15):
        name = f"composite/s{number}.png"
        darker = 0.7 * pixels(entries[name]) + 12 + number
        entries[name] = jpeg(darker.astype(np.uint8), quality=60)
    assert inspect_entries(entries) == {}


def test_another_size_of_the_same_shape_is_a_note(entries, inspect_entries):
    doubled = pixels(entries["background/b1.png"]).repeat(2, axis=0).repeat(2, axis=1)
    entries["background/b1.png"] = png(doubled)
    found = inspect_entries(entries)
    assert set(found["scales that differ"].subjects) == {"s1", "s4", "s7", "s10", "s13"}
    assert {finding.severity for finding in found.values()} == {Severity.NOTE}


def test_composites_alone_cannot_be_trained_on(entries, inspect_entries):
    for kind in ("mask", "depth"):
        drop(kind, *range(15))(entries)
    assert inspect_entries(entries)["no mask and no depth"].severity is Severity.ERROR


def test_archives_of_different_kinds_do_not_go_together(entries, tmp_path):
    canonical_archive.write(tmp_path / "both.zip", entries)
    drop("depth", *range(15))(entries)
    entries["samples.csv"] = entries["samples.csv"].replace(b"\ns", b"\nt")
    renamed = {name.replace("/s", "/t"): content for name, content in entries.items()}
    canonical_archive.write(tmp_path / "masks.zip", renamed)
    files = (str(tmp_path / "both.zip"), str(tmp_path / "masks.zip"))
    found = inspect(
        open_layouts(Source(files=files)), on_progress=lambda done, total: None
    ).findings
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    assert [finding.name for finding in errors] == ["archives that differ in kinds"]
    assert errors[0].subjects == (files[1],)


def test_a_key_in_two_archives_is_an_error(entries, tmp_path):
    files = tuple(
        str(canonical_archive.write(tmp_path / name, entries)) for name in ("a.zip", "b.zip")
    )
    found = inspect(
        open_layouts(Source(files=files)), on_progress=lambda done, total: None
    ).findings
    repeated = next(finding for finding in found if finding.name == "repeated key")
    assert repeated.severity is Severity.ERROR
    assert len(repeated.subjects) == 15


def test_the_frame_that_a_plot_drew_is_measured(entries, inspect_entries):
    stated(entries, maximum=255)
    for number in range(15):
        name = f"depth/s{number}.png"
        inside = Image.fromarray((pixels(entries[name]) >> 8).astype(np.uint8)).resize((47, 50))
        framed = np.full((64, 64), 255, np.uint8)
        framed[8:58, 9:56] = np.asarray(inside)
        entries[name] = png(framed)
    finding = inspect_entries(entries)["depth in a frame"]
    assert "depth: {crop: [8, 9, 58, 56]}" in finding.advice
    assert "43% of each image" in finding.advice  # 1 - 50 * 47 / 64²
    assert len(finding.subjects) == 15


def test_a_frame_in_a_few_images_is_no_frame(entries, inspect_entries):
    def flat_border(content):
        depth = pixels(content)
        depth[:4] = depth[-4:] = 60000
        depth[:, :4] = depth[:, -4:] = 60000
        return png(depth)

    edit("depth", 0, 1, 2)(flat_border)(entries)
    assert "depth in a frame" not in inspect_entries(entries)


def test_depth_that_is_mostly_invalid_is_found(entries, inspect_entries):
    stated(entries, invalid=0)
    edit("depth", 3, 6)(mostly_unread)(entries)
    assert set(inspect_entries(entries)["depth mostly invalid"].subjects) == {"s3", "s6"}


def test_depth_smaller_than_the_crop_stops_training(entries, inspect_entries):
    stated(entries, crop=[0, 0, 60, 60])
    small = Image.fromarray(pixels(entries["depth/s4.png"])).resize((59, 59))
    entries["depth/s4.png"] = png(np.asarray(small))
    finding = inspect_entries(entries)["depth smaller than its crop"]
    assert finding.severity is Severity.ERROR
    assert finding.leave_out == ("s4",)


def test_a_border_without_readings_is_no_frame(entries, inspect_entries):
    stated(entries, invalid=0)
    for number in range(15):
        depth = pixels(entries[f"depth/s{number}.png"])
        depth[:4] = depth[-4:] = 0
        depth[:, :4] = depth[:, -4:] = 0
        entries[f"depth/s{number}.png"] = png(depth)
    assert inspect_entries(entries) == {}


def test_objects_behind_the_scene_tell_of_the_wrong_polarity(entries, inspect_entries):
    stated(entries, near="high")
    finding = inspect_entries(entries)["depth the wrong way round"]
    assert "in 15 of 15 samples" in finding.advice
    assert "`depth: {near: low}`" in finding.advice
    assert finding.severity is Severity.WARNING


def test_some_objects_behind_the_scene_are_a_note(entries, inspect_entries):
    edit("depth", *range(6))(lambda content: png(65535 - pixels(content)))(entries)
    finding = inspect_entries(entries)["depth of either polarity"]
    assert set(finding.subjects) == {f"s{number}" for number in range(6)}
    assert finding.severity is Severity.NOTE


def test_a_header_of_100_megapixels_is_unreadable_and_warns_of_nothing(
    entries, inspect_entries, recwarn
):
    header = struct.pack(">4s2L5B", b"IHDR", 10000, 10000, 8, 0, 0, 0, 0)
    chunks = [
        struct.pack(">L", len(chunk) - 4) + chunk + struct.pack(">L", zlib.crc32(chunk))
        for chunk in (header, b"IDAT")
    ]
    entries["mask/s5.png"] = b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
    assert set(inspect_entries(entries)["unreadable mask"].subjects) == {"s5"}
    assert Image.DecompressionBombWarning not in {warning.category for warning in recwarn}


def test_a_image_too_large_to_decode_is_unreadable(entries, inspect_entries, monkeypatch):
    monkeypatch.setattr("bench.data.images.MAX_IMAGE_PIXELS", 64 * 64)
    entries["composite/s2.png"] = png(np.zeros((65, 64, 3), np.uint8))
    assert set(inspect_entries(entries)["unreadable composite"].subjects) == {"s2"}
