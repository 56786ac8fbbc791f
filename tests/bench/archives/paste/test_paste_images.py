"""What is read of the user's images, and what is said of those that are of no use."""

import re

import numpy as np
import pytest
from PIL import Image

from bench.archives.paste.images import digest, list_images, read_background, read_cutout
from bench.errors import InputError


def test_images_are_found_by_suffix_and_sorted(tmp_path, save):
    for name in ("b.JPG", "a.png", "c.jpeg", ".hidden.png", "inner/d.png"):
        save(tmp_path / name, np.zeros((4, 4, 3)))
    (tmp_path / "readme.txt").write_text("no image")
    assert list(list_images(tmp_path)) == ["a", "b", "c"]


def test_the_central_square_of_a_background_is_resized(tmp_path, save):
    pixels = np.zeros((20, 60, 3))
    pixels[:, 20:40] = 100  # the central square
    pixels[:, 40:] = 255
    background = read_background(save(tmp_path / "a.png", pixels), 10)
    assert background.shape == (10, 10, 3)
    assert (background[:, 1:-1] == 100).all()  # beside its rim, where the filter looks further


def test_a_photograph_taken_upright_is_turned_upright(tmp_path):
    lying = Image.fromarray(np.array([[[255, 255, 255], [0, 0, 0]]], np.uint8).repeat(2, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned by 90 degrees clockwise
    lying.save(tmp_path / "a.png", exif=exif)
    background = read_background(tmp_path / "a.png", 2)
    assert background[..., 0].tolist() == [[255, 255], [0, 0]]


def test_a_cutout_loses_its_transparent_margin(tmp_path, save):
    pixels = np.zeros((9, 8, 4))
    pixels[3:5, 1:7] = (10, 20, 30, 255)
    cutout = read_cutout(save(tmp_path / "cat.png", pixels), 32)
    assert cutout.pixels.shape == (2, 6, 4)
    assert (cutout.pixels == (10, 20, 30, 255)).all()
    assert (cutout.id, cutout.shrunk) == ("cat", False)


def test_a_cutout_larger_than_the_frame_is_scaled_down_to_fit(tmp_path, save, disc):
    cutout = read_cutout(save(tmp_path / "cat.png", disc(96, 48)), 32)
    assert cutout.pixels.shape == (32, 16, 4)
    assert cutout.shrunk


def test_a_palette_with_transparency_is_a_cutout(tmp_path):
    image = Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 9, 8, 7])
    image.save(tmp_path / "cat.png", transparency=bytes([0, 255]))
    cutout = read_cutout(tmp_path / "cat.png", 32)
    assert cutout.pixels.tolist() == [[[0, 0, 0, 0], [9, 8, 7, 255]], [[9, 8, 7, 255]] * 2]


def test_the_digest_sees_names_and_contents(tmp_path, save):
    first = save(tmp_path / "a.png", np.zeros((4, 4, 3)))
    before = digest({"a": first})
    assert digest({"b": first}) != before
    save(first, np.ones((4, 4, 3)))
    assert digest({"a": first}) != before


def refused(path, message):
    return pytest.raises(InputError, match=f"^{re.escape(str(path))}: {re.escape(message)}")


def test_folders_of_no_use(tmp_path, save):
    with refused(tmp_path / "nowhere", "no readable folder (No such file or directory)"):
        list_images(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("no image")
    with refused(tmp_path / "notes.txt", "no readable folder (Not a directory)"):
        list_images(tmp_path / "notes.txt")
    with refused(tmp_path, "holds no image (.jpg, .jpeg, .png)"):
        list_images(tmp_path)
    save(tmp_path / "a.jpg", np.zeros((4, 4, 3)))
    save(tmp_path / "a.png", np.zeros((4, 4, 3)))
    with refused(tmp_path / "a.png", "a.jpg has the same name; rename one"):
        list_images(tmp_path)


def test_unreadable_images(tmp_path, save):
    path = save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3)))
    path.write_bytes(path.read_bytes()[:2000])
    with refused(path, "no readable image ("):
        read_background(path, 32)
    path.write_text("no image")
    with refused(path, "no readable image ("):
        read_cutout(path, 32)


def test_more_than_8_bits(tmp_path):
    Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / "a.png")
    with refused(tmp_path / "a.png", "has more than 8 bits a channel; save it with 8"):
        read_background(tmp_path / "a.png", 32)


def test_cutouts_without_alpha_or_without_anything_to_see(tmp_path, save):
    with refused(tmp_path / "a.png", "has no alpha channel; a foreground is a cut-out on"):
        read_cutout(save(tmp_path / "a.png", np.full((4, 4, 3), 200)), 32)
    with refused(tmp_path / "b.png", "is transparent everywhere"):
        read_cutout(save(tmp_path / "b.png", np.full((4, 4, 4), 127)), 32)
    assert read_cutout(save(tmp_path / "c.png", np.full((4, 4, 4), 128)), 32).id == "c"
