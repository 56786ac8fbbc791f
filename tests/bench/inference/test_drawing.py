"""What is written of a prediction is what was predicted."""

import io
from pathlib import Path

import numpy as np
import pytest
from canonical_archive import png
from PIL import Image

from bench.data import images
from bench.errors import InputError
from bench.inference.drawing import draw, files_of
from bench.inference.pictures import open_pairs
from bench.inference.predictor import PredictedMaps
from bench.settings import Source

RAMP = np.linspace(0, 1, 32 * 48, dtype=np.float32).reshape(32, 48)


@pytest.fixture
def drawn(tmp_path):
    """The images of a prediction, with or without a background."""

    def drawn(maps, *, background=True):
        for name in ("a.png", "b.png"):
            (tmp_path / name).write_bytes(png(np.full((32, 48, 3), ord(name[0]), np.uint8)))
        behind = tmp_path / "b.png" if background else None
        pair = open_pairs(tmp_path / "a.png", behind, Source(files=("-",))).read(0)
        return dict(draw(pair, maps))

    return drawn


def test_a_mask_is_read_back_as_the_object_where_it_is_likely(drawn):
    mask = images.decode_grey(drawn(PredictedMaps(RAMP, None))["mask"])
    assert mask.dtype == np.uint8
    assert np.array_equal(mask > 127, RAMP > 0.5)


def test_depth_is_read_back_in_16_bits(drawn):
    depth = images.decode_grey(drawn(PredictedMaps(None, RAMP))["depth"])
    assert depth.dtype == np.uint16
    assert np.abs(depth / 65535 - RAMP).max() <= 0.5 / 65535 + 1e-7


def test_colored_depth_goes_from_the_dark_end_of_the_map_to_the_bright_one(drawn):
    colored = images.decode_color(drawn(PredictedMaps(None, RAMP))["depth_colored"])
    assert colored[0, 0].tolist() == [12, 7, 134]
    assert colored[-1, -1].tolist() == [239, 248, 33]
    brightness = colored.astype(int).sum(axis=-1).ravel()
    assert (np.diff(brightness) >= -2).all()  # the map's own steps, in whole numbers


@pytest.mark.parametrize(
    ("maps", "background", "panels"),
    [
        (PredictedMaps(RAMP, RAMP), True, 4),
        (PredictedMaps(RAMP, RAMP), False, 3),
        (PredictedMaps(RAMP, None), False, 2),
    ],
)
def test_what_there_is_stands_side_by_side(drawn, maps, background, panels):
    sheet = Image.open(io.BytesIO(drawn(maps, background=background)["side_by_side"]))
    height = round(32 * 256 / 48)  # the longer side of a small picture is brought to 256 px
    assert sheet.size == (panels * (256 + 8) + 8, height + 26 + 8)
    first = ord("b") if background else ord("a")
    assert sheet.getpixel((8 + 128, 26 + height // 2)) == (first,) * 3


def test_a_tall_narrow_picture_has_room_for_its_caption(drawn, tmp_path):
    (tmp_path / "tall.png").write_bytes(png(np.zeros((700, 10, 3), np.uint8)))
    pair = open_pairs(tmp_path / "tall.png", None, Source(files=("-",))).read(0)
    tall = np.zeros((700, 10), np.float32)
    sheet = Image.open(io.BytesIO(dict(draw(pair, PredictedMaps(tall, tall)))["side_by_side"]))
    assert sheet.size == (3 * (156 + 8) + 8, 640 + 26 + 8)


def test_a_name_may_have_folders():
    assert files_of(Path("out"), "day/a")["mask"] == Path("out/mask/day/a.png")


@pytest.mark.parametrize("key", ["../a", "day/../../a", "/a", "a\0", "a\nb"])
def test_a_name_that_leads_elsewhere_is_refused(key):
    with pytest.raises(InputError, match="is no name that a file can have"):
        files_of(Path("out"), key)
