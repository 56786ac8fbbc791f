import io

import numpy as np
import pytest
from canonical_archive import png
from PIL import Image

from bench.data import images


def jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@pytest.fixture
def image():
    rows, columns = np.mgrid[0:40, 0:56]
    return np.stack([rows * 4, columns * 4, rows + columns], axis=-1).astype(np.uint8)


def test_png_colours_come_back_exactly(image):
    assert np.array_equal(images.decode_color(png(image)), image)


def test_jpeg_colours_agree_with_pillow(image):
    content = jpeg(image)
    ours = images.decode_color(content).astype(int)
    theirs = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    assert np.abs(ours - theirs).max() <= 2


def test_grey_keeps_16_bits_where_the_file_has_them():
    depth = np.arange(32 * 32, dtype=np.uint16).reshape(32, 32) * 60
    decoded = images.decode_grey(png(depth))
    assert decoded.dtype == np.uint16
    assert np.array_equal(decoded, depth)


def test_grey_of_a_jpeg_is_8_bits():
    assert images.decode_grey(jpeg(np.full((32, 48), 77, np.uint8))).tolist() == [[77] * 48] * 32


@pytest.mark.parametrize("decode", [images.decode_color, images.decode_grey])
@pytest.mark.parametrize("content", [b"", b"no image", jpeg(np.zeros((32, 32), np.uint8))[:40]])
def test_what_is_no_image_is_refused(decode, content):
    with pytest.raises(ValueError, match=r"."):
        decode(content)


def test_halving_averages_fine_stripes_instead_of_aliasing():
    stripes = np.tile(np.array([0, 200], np.uint8), (32, 16))
    halved = images.resize(stripes, (16, 16))
    assert np.abs(halved[4:-4, 4:-4].astype(int) - 100).max() <= 13


def test_beside_a_hole_stands_the_mean_of_the_valid_values_alone():
    depth = np.full((32, 32), 0.7, np.float32)
    valid = np.ones((32, 32), bool)
    depth[:, 16:] = 0
    valid[:, 16:] = False
    resized, share = images.resize_with_holes(depth, valid, (16, 16))
    assert resized[share > 0] == pytest.approx(0.7, abs=1e-6)
    assert share[:, :7] == pytest.approx(1)
    assert share[:, 9:] == pytest.approx(0)
