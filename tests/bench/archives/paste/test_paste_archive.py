"""The archive: its layout, its pairing, its record of places, and that it can be gone on with."""

import io
import json
import re

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from bench.archives.paste import Settings, make
from bench.errors import InputError

SMALL = Settings(placements=3, size=40)


class Dark:
    """A source of depth whose values tell the image and the size of its batch."""

    def __init__(self):
        self.coding = {"maximum": 65535, "near": "low", "invalid": 0}
        self.batch_size = 4

    def coded(self, images):
        return [
            np.full(image.shape[:2], 10 * int(image.mean()) + len(images), np.uint16)
            for image in images
        ]


def jpeg(content):
    return simplejpeg.decode_jpeg(content).astype(int)


@pytest.fixture
def make_and_read(tmp_path, images, read, rows):
    """Make an archive with these settings; give its entries and its samples."""

    def make_and_read(*settings, **more):
        make(tmp_path / "a.zip", *images, Settings(*settings, size=40, **more))
        return read(tmp_path / "a.zip"), rows(tmp_path / "a.zip")

    return make_and_read


def png(content):
    return np.asarray(Image.open(io.BytesIO(content)))


def test_layout(tmp_path, images, read, rows):
    made = make(tmp_path / "a.zip", *images, SMALL)
    data, samples = read(tmp_path / "a.zip"), rows(tmp_path / "a.zip")
    assert (made.samples, made.shrunk) == (12, [])
    assert len(samples) == 12
    assert samples[0]["key"] == "beach_cat_p0"
    assert samples[-1]["key"] == "hall_dog_p2"
    expected = {"samples.csv", "dataset.json", "background/beach.jpg", "background/hall.jpg"}
    expected |= {f"composite/{row['key']}.jpg" for row in samples}
    expected |= {f"mask/{row['key']}.png" for row in samples}
    assert set(data) == expected
    for row in samples:
        assert row["key"] == f"{row['background']}_{row['foreground']}_p{row['placement']}"
        assert jpeg(data[f"composite/{row['key']}.jpg"]).shape == (40, 40, 3)
        mask = png(data[f"mask/{row['key']}.png"])
        assert mask.shape == (40, 40)
        assert set(np.unique(mask)) == {0, 255}
    description = json.loads(data["dataset.json"])
    assert description["format"] == 1
    assert description["size"] == [40, 40]
    assert "depth" not in description
    assert description["composites"]["alpha_threshold"] == 127
    assert description["composites"]["recipe"] == "uniform"


@pytest.mark.parametrize("recipe", ["uniform", "perspective"])
@pytest.mark.parametrize("mirror", ["none", "foreground", "both"])
def test_the_recorded_place_is_that_of_the_mask(make_and_read, recipe, mirror):
    data, samples = make_and_read(recipe, 6, mirror)
    assert len(samples) == (24 if mirror == "none" else 48)
    for row in samples:
        mask = png(data[f"mask/{row['key']}.png"])
        top, left = (int(row[side]) for side in ("top", "left"))
        longer = round(float(row["scale"]) * 40)
        height, width = (
            (longer, longer * 12 / 20)
            if row["foreground"] == "cat"
            else (
                longer * 10 / 24,
                longer,
            )
        )
        found_rows, found_columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
        # Scaled, the soft edge of the ellipse may be less than half opaque: a pixel of tolerance.
        slack = 0 if recipe == "uniform" else 1
        assert abs(found_rows[0] - max(top, 0)) <= slack
        assert abs(found_columns[0] - max(left, 0)) <= slack
        assert abs(found_rows[-1] + 1 - min(top + round(height), 40)) <= slack
        assert abs(found_columns[-1] + 1 - min(left + round(width), 40)) <= slack


@pytest.mark.parametrize("mirror", ["none", "foreground", "both"])
def test_outside_of_the_object_the_composite_is_its_background(make_and_read, mirror):
    data, samples = make_and_read("perspective", 2, mirror)
    for row in samples:
        background = jpeg(data[f"background/{row['background']}.jpg"])
        difference = np.abs(jpeg(data[f"composite/{row['key']}.jpg"]) - background).max(-1)
        mask = png(data[f"mask/{row['key']}.png"]) > 0
        near = np.asarray(Image.fromarray(mask).resize((5, 5), Image.Resampling.BOX)) > 0
        touched = near.repeat(8, 0).repeat(8, 1)  # JPEG's blocks of 8 that hold some of the object
        assert np.median(difference[~touched]) <= 2
        assert difference[mask].mean() > 20


def test_mirrored_with_its_background_a_sample_is_the_mirror_image(make_and_read):
    data, samples = make_and_read(placements=2, mirror="both")
    assert [row["mirrored"] for row in samples] == ["none", "both"] * 8
    for plain, twin in zip(samples[::2], samples[1::2], strict=True):
        assert twin["key"] == f"{plain['key']}_mirrored"
        assert twin["background"] == f"{plain['background']}_mirrored"
        assert twin["scene"] == plain["scene"] == plain["background"]
        one, other = (png(data[f"mask/{row['key']}.png"]) for row in (plain, twin))
        assert (other == one[:, ::-1]).all()
        one, other = (jpeg(data[f"background/{row['background']}.jpg"]) for row in (plain, twin))
        assert np.abs(other - one[:, ::-1]).mean() < 2


def test_mirrored_alone_an_object_stays_in_its_place(make_and_read, images, save):
    half = np.zeros((8, 8, 4))
    half[:, :2] = half[0, :] = 255  # more of it on its left
    for file in images[1].iterdir():
        file.unlink()
    save(images[1] / "flag.png", half)
    data, samples = make_and_read(placements=2, mirror="foreground")
    for plain, twin in zip(samples[::2], samples[1::2], strict=True):
        assert (plain["mirrored"], twin["mirrored"]) == ("none", "foreground")
        assert twin["background"] == plain["background"]
        assert (twin["left"], twin["top"]) == (plain["left"], plain["top"])
        left, top = int(plain["left"]), int(plain["top"])
        window = np.s_[top : top + 8, left : left + 8]
        one, other = (png(data[f"mask/{row['key']}.png"])[window] for row in (plain, twin))
        assert (one == half[..., 3]).all()
        assert (other == half[:, ::-1, 3]).all()


def test_the_same_settings_give_the_same_bytes_and_another_seed_other_places(tmp_path, images):
    for name, settings in (
        ("a", SMALL),
        ("b", SMALL),
        ("c", Settings("uniform", 3, size=40, seed=1)),
    ):
        make(tmp_path / f"{name}.zip", *images, settings)
    a, b, c = ((tmp_path / f"{name}.zip").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_further_images_only_add_samples(tmp_path, images, save, disc, read):
    make(tmp_path / "few.zip", *images, SMALL)
    save(images[0] / "alley.png", np.zeros((40, 40, 3)))
    save(images[1] / "bird.png", disc(6, 6))
    make(tmp_path / "more.zip", *images, Settings(placements=4, size=40))
    few, more = read(tmp_path / "few.zip"), read(tmp_path / "more.zip")
    assert len(more) > len(few)
    assert all(few[name] == more[name] for name in few if "/" in name)


class Interrupted(BaseException):
    pass


@pytest.mark.parametrize("depth", [None, Dark()], ids=["masks", "depth"])
@pytest.mark.parametrize("cut", [0, 1, 700], ids=["between", "short", "deep"])
def test_interrupted_it_is_gone_on_with_to_the_same_bytes(tmp_path, images, depth, cut):
    settings = Settings(placements=3, mirror="both", size=40)
    make(tmp_path / "whole.zip", *images, settings, depth=depth)

    def interrupt(done, total):
        if done >= 10:
            raise Interrupted

    with pytest.raises(Interrupted):
        make(tmp_path / "a.zip", *images, settings, depth=depth, progress=interrupt)
    assert not (tmp_path / "a.zip").exists()
    partial = tmp_path / "a.zip.partial"
    kept = partial.read_bytes()
    assert len(kept) > 10_000
    partial.write_bytes(kept[: len(kept) - cut])
    make(tmp_path / "a.zip", *images, settings, depth=depth)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "whole.zip").read_bytes()
    assert not partial.exists()


def test_what_is_there_is_not_made_again(tmp_path, images, monkeypatch):
    def interrupt(done, total):
        if done == 7:
            raise Interrupted

    with pytest.raises(Interrupted):
        make(tmp_path / "a.zip", *images, SMALL, progress=interrupt)
    encoded = []
    encode = simplejpeg.encode_jpeg
    monkeypatch.setattr(
        simplejpeg, "encode_jpeg", lambda *args, **kw: encoded.append(1) or encode(*args, **kw)
    )
    make(tmp_path / "a.zip", *images, SMALL)
    assert len(encoded) == 12 - 7  # composites; both backgrounds stand already


def test_other_settings_or_images_do_not_go_on(tmp_path, images, save):
    def interrupt(done, total):
        raise Interrupted

    with pytest.raises(Interrupted):
        make(tmp_path / "a.zip", *images, SMALL, progress=interrupt)
    before = (tmp_path / "a.zip.partial").read_bytes()
    with pytest.raises(InputError, match=r"a\.zip\.partial: was begun with other settings"):
        make(tmp_path / "a.zip", *images, Settings(placements=4, size=40))
    with pytest.raises(InputError, match="was begun with other settings or images"):
        make(tmp_path / "a.zip", *images, SMALL, depth=Dark())
    save(images[0] / "hall.png", np.zeros((40, 40, 3)))
    with pytest.raises(InputError, match="was begun with other settings or images"):
        make(tmp_path / "a.zip", *images, SMALL)
    assert (tmp_path / "a.zip.partial").read_bytes() == before


def test_depth_is_asked_for_in_batches_and_kept_with_its_sample(tmp_path, images, read, rows):
    make(tmp_path / "a.zip", *images, SMALL, depth=Dark())
    data = read(tmp_path / "a.zip")
    assert json.loads(data["dataset.json"])["depth"] == Dark().coding
    sizes = []
    for row in rows(tmp_path / "a.zip"):
        assert Image.open(io.BytesIO(data[f"depth/{row['key']}.png"])).mode == "I;16"
        depth = png(data[f"depth/{row['key']}.png"])
        mean, size = divmod(int(depth[0, 0]), 10)
        assert abs(mean - jpeg(data[f"composite/{row['key']}.jpg"]).mean()) < 2
        sizes.append(size)
    assert sizes == [4, 4, 4, 4, 2, 2] * 2  # six samples of each background


def test_cutouts_larger_than_the_frame_are_told(tmp_path, images, save, disc, rows):
    save(images[1] / "elephant.png", disc(80, 100))
    made = make(tmp_path / "a.zip", *images, Settings(placements=1, size=40))
    assert made.shrunk == ["elephant"]
    scales = {row["foreground"]: row["scale"] for row in rows(tmp_path / "a.zip")}
    assert scales == {"cat": "0.5", "dog": "0.6", "elephant": "1.0"}
    made = make(tmp_path / "b.zip", *images, Settings("perspective", 1, size=40))
    assert made.shrunk == []  # it scales all objects


def test_progress_counts_the_samples(tmp_path, images):
    seen = []
    make(tmp_path / "a.zip", *images, SMALL, progress=lambda *counts: seen.append(counts))
    assert seen == [(done, 12) for done in range(1, 13)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"recipe": "unifrm"},
            "--recipe: unknown recipe 'unifrm'; did you mean 'uniform'? (choices: uniform, persp",
        ),
        (
            {"mirror": "background"},
            "--mirror: cannot mirror 'background'; did you mean 'foreground'?",
        ),
        ({"scale": (0.6, 0.3)}, "--scale: 0.6 to 0.3 is no range of shares"),
        ({"scale": (0, 0.3)}, "--scale: 0 to 0.3 is no range of shares"),
        ({"scale": (0.5, 1.5)}, "--scale: 0.5 to 1.5 is no range of shares"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        Settings(**settings)


def test_images_of_no_use_are_left_out_and_named(tmp_path, images, save, read):
    make(tmp_path / "without.zip", *images, SMALL)
    save(images[1] / "zebra.png", np.zeros((4, 4, 4)))
    (images[0] / "lake.jpg").write_text("no image")
    made = make(tmp_path / "a.zip", *images, SMALL)
    assert (made.samples, len(made.skipped)) == (12, 2)
    assert re.search(r"lake\.jpg: no readable image", made.skipped[0])
    assert re.search(r"zebra\.png: is transparent everywhere", made.skipped[1])
    assert read(tmp_path / "a.zip") == read(tmp_path / "without.zip")


def test_images_of_other_formats_are_named_unless_the_same_one_lies_beside(tmp_path, images, read):
    make(tmp_path / "without.zip", *images, SMALL)
    scene = next(images[0].iterdir())
    for name in ("a.HEIC", "b.webp", f"{scene.stem}.dng", "film.mov"):
        (images[0] / name).write_bytes(b"of another format")
    made = make(tmp_path / "a.zip", *images, SMALL)
    assert made.skipped == [
        f"{images[0] / name}: is neither JPEG nor PNG; save it as one of them"
        for name in ("a.HEIC", "b.webp")
    ]
    assert read(tmp_path / "a.zip") == read(tmp_path / "without.zip")


def test_where_no_image_is_of_use_nothing_is_written(tmp_path, images, save):
    for file in images[1].iterdir():
        file.write_text("no image")
    with pytest.raises(InputError, match=r"objects: none of its 2 images is of use; .*cat\.png"):
        make(tmp_path / "a.zip", *images, SMALL)
    assert list(tmp_path.glob("a.zip*")) == []


FILLING = {
    "as large as the frame": (40, 40, None),
    "larger": (90, 90, None),
    "larger, with some room": (90, 80, None),
    "scaled to fill it": (10, 10, (1, 1)),
}


@pytest.mark.parametrize("case", FILLING)
def test_no_two_samples_are_the_same_where_the_frame_has_little_room(
    make_and_read, images, save, disc, case
):
    height, width, scale = FILLING[case]
    for file in images[1].iterdir():
        file.unlink()
    save(images[1] / "elephant.png", disc(height, width))
    data, samples = make_and_read(placements=20, scale=scale)
    composites = [data[f"composite/{row['key']}.jpg"] for row in samples]
    assert len(composites) == len(set(composites)) == 40
    assert min(float(row["scale"]) for row in samples) >= 0.5


def test_more_placements_than_there_are_places_are_refused(tmp_path, images, save):
    for file in images[1].iterdir():
        file.unlink()
    save(images[1] / "dot.png", np.full((1, 1, 4), 255))
    with pytest.raises(InputError, match=r"dot\.png: there are hardly more than \d+ different"):
        make(tmp_path / "a.zip", *images, Settings(placements=100, size=8))


def test_an_object_too_thin_to_be_seen_is_named(tmp_path, images, save):
    hair = np.zeros((400, 400, 4))
    np.fill_diagonal(hair[..., 3], 255)
    save(images[1] / "hair.png", hair)
    with pytest.raises(InputError, match=r"hair\.png: nothing of it can be seen once it is scaled"):
        make(tmp_path / "a.zip", *images, SMALL)


def test_a_name_that_a_mirrored_background_needs_is_refused(make_and_read, images, save):
    save(images[0] / "hall_mirrored.png", np.zeros((40, 40, 3)))
    with pytest.raises(InputError, match=r"hall_mirrored\.png: its name is that of hall\.png"):
        make_and_read(mirror="both")


def test_two_pairs_of_one_key_are_refused(make_and_read, images, save, disc):
    save(images[0] / "hall_cat.png", np.zeros((40, 40, 3)))
    save(images[1] / "tail.png", disc(6, 6))
    save(images[1] / "cat_tail.png", disc(6, 6))
    with pytest.raises(InputError, match=r"^hall_cat with tail and hall with cat_tail would have"):
        make_and_read()


def test_an_existing_file_is_left_alone(tmp_path, images):
    (tmp_path / "a.zip").write_text("precious")
    with pytest.raises(InputError, match=r"a\.zip exists already"):
        make(tmp_path / "a.zip", *images, SMALL)
    assert (tmp_path / "a.zip").read_text() == "precious"
