"""A user's pictures are paired by name, and read as training reads an archive's."""

import io
import re

import numpy as np
import pytest
from canonical_archive import entries, png, write
from PIL import Image, ImageOps

from bench.data.cache import open_dataset
from bench.errors import InputError
from bench.inference.pictures import open_pairs, open_picture
from bench.settings import Source

SOURCE = Source(files=("the study's own.zip",))


def jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    return file.getvalue()


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def lay_out(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_pictures_are_what_training_saw_whether_in_a_zip_or_a_folder(tmp_path):
    found = entries(samples=4, size=(192, 240), backgrounds=2)
    for number in range(4):  # large JPEG, of which a decoder makes less
        found[f"composite/s{number}.jpg"] = jpeg(noise(192, 240, number))
        del found[f"composite/s{number}.png"]
    archive = write(tmp_path / "a.zip", found)
    files = {name: found[name] for name in found if name.startswith(("composite", "background"))}
    folder = lay_out(tmp_path / "files", files)
    dataset = open_dataset([archive], (32, 40))
    in_zip = open_pairs(archive, None, SOURCE)
    in_folder = open_pairs(folder / "composite", folder / "background" / "b0.png", SOURCE)
    assert in_zip.keys == in_folder.keys == list(dataset.keys)
    for row in range(4):
        composite, background = in_zip.read(row)
        assert np.array_equal(composite.at((32, 40)), dataset.composites[row])
        behind = dataset.backgrounds[dataset.background_rows[row]]
        assert np.array_equal(background.at((32, 40)), behind)
        assert np.array_equal(in_folder.read(row).composite.at((32, 40)), dataset.composites[row])


def test_masks_and_depth_of_a_zip_are_not_needed(tmp_path):
    found = entries(samples=4)
    bare = {n: c for n, c in found.items() if not n.startswith(("mask", "depth"))}
    pairs = open_pairs(write(tmp_path / "a.zip", bare), None, SOURCE)
    assert pairs.read(3).background is not None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_photograph_is_read_upright(tmp_path, orientation):
    image = Image.fromarray(noise(36, 52))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "photo.png", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "photo.png")))
    picture = open_picture(tmp_path / "photo.png")
    assert picture.size == upright.shape[:2]
    assert np.array_equal(picture.at(picture.size), upright)


GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(GREY),
        Image.fromarray(GREY.astype(np.uint16) << 8 | 255),
        Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(255 - GREY)]),
        Image.merge("RGBA", [Image.fromarray(GREY)] * 3 + [Image.fromarray(GREY)]),
        Image.fromarray(GREY, "L").convert("P"),
    ],
    ids=["grey", "16 bits", "grey with alpha", "color with alpha", "palette"],
)
def test_pictures_of_every_kind_are_read_as_color(tmp_path, image):
    image.save(tmp_path / "picture.png")
    pixels = open_picture(tmp_path / "picture.png").at((16, 16))
    assert np.array_equal(pixels, np.stack([GREY] * 3, axis=-1))


def test_folders_are_paired_by_name_whatever_the_ending(tmp_path):
    shown, other = png(noise(32, 32)), jpeg(noise(32, 32, 1))
    composites = {
        "a.png": shown,
        "day/b.PNG": shown,
        "c.png": shown,
        "notes.txt": b"",
        ".d.png": b"",
    }
    lay_out(tmp_path / "with", composites)
    lay_out(tmp_path / "without", {"a.jpg": other, "day/b.jpg": other, "b.jpg": shown})
    pairs = open_pairs(tmp_path / "with", tmp_path / "without", SOURCE)
    assert pairs.keys == ["a", "c", "day/b"]
    read = {key: pairs.read(number).background for number, key in enumerate(pairs.keys)}
    assert read["a"].file.content == read["day/b"].file.content == other
    assert read["c"] is None


def test_a_picture_of_a_format_that_cannot_be_read_is_found_and_refused_with_the_cure(tmp_path):
    shown = png(noise(32, 32))
    lay_out(tmp_path / "with", {"a.png": shown, "IMG_1.HEIC": b"", "b.dng": b"", "c.mov": b""})
    pairs = open_pairs(tmp_path / "with", None, SOURCE)
    assert pairs.keys == ["a", "IMG_1", "b"]
    for number, name in ((1, "IMG_1.HEIC"), (2, "b.dng")):
        cure = f"with/{name}: this format cannot be read; save it as JPEG or PNG"
        with pytest.raises(InputError, match=f"^{re.escape(cure)}$"):
            pairs.read(number)


def test_a_jpeg_beside_the_raw_file_of_a_camera_is_taken(tmp_path):
    lay_out(tmp_path / "with", {"a.cr2": b"", "a.jpg": jpeg(noise(32, 32))})
    pairs = open_pairs(tmp_path / "with", None, SOURCE)
    assert pairs.keys == ["a"]
    assert pairs.read(0).composite.size == (32, 32)


def test_one_background_is_that_of_all(tmp_path):
    lay_out(tmp_path / "with", {"a.png": png(noise(32, 32)), "b.png": png(noise(32, 32, 1))})
    (tmp_path / "room.png").write_bytes(png(noise(64, 64, 2)))
    pairs = open_pairs(tmp_path / "with", tmp_path / "room.png", SOURCE)
    assert [pairs.read(number).background.size for number in (0, 1)] == [(64, 64)] * 2


@pytest.mark.parametrize(
    ("composite", "background", "message"),
    [
        ("nowhere", None, "nowhere: no such picture, folder or zip"),
        ("a.png", "nowhere", "nowhere: no such picture, folder or zip"),
        ("empty", None, "empty: holds no picture"),
        ("twice", None, "twice/a.jpg and twice/a.png differ in their ending only"),
        ("broken.zip", None, "broken.zip: not a zip archive, or truncated"),
    ],
)
def test_what_cannot_be_predicted_at_all_is_one_line(tmp_path, composite, background, message):
    picture = png(noise(32, 32))
    lay_out(
        tmp_path,
        {
            "a.png": picture,
            "empty/notes.txt": b"",
            "twice/a.png": picture,
            "twice/a.jpg": picture,
            "broken.zip": b"PK",
        },
    )
    with pytest.raises(InputError) as caught:
        open_pairs(tmp_path / composite, background and tmp_path / background, SOURCE)
    assert message in str(caught.value)


def test_a_background_of_another_shape_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png(noise(32, 32)))
    (tmp_path / "b.png").write_bytes(png(noise(32, 48)))
    with pytest.raises(InputError, match="composite is 32x32 px, but the background 48x32 px"):
        open_pairs(tmp_path / "a.png", tmp_path / "b.png", SOURCE).read(0)


@pytest.mark.parametrize("content", [b"", b"no image", png(noise(32, 32))[:90]])
def test_a_picture_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png"):
        open_picture(tmp_path / "a.png").at((32, 32))
