"""What decoding would show otherwise than a viewer does is refused, whatever it is kept in."""

import io

import canonical_archive
import numpy as np
import pytest
from PIL import ExifTags, Image

from bench.data.as_shown import DEEP, TURNED, why_not
from bench.data.cache import open_dataset
from bench.data.cache_build import CacheBuild
from bench.errors import InputError

COLOR = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
GREY_16_BITS = COLOR[..., 0] * np.uint16(257)


def image(kind, pixels=COLOR, orientation=None):
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(pixels).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [None, 1, *range(2, 9)])
def test_an_image_that_its_exif_data_turn_is_told(kind, orientation):
    turned = orientation not in {None, 1}
    content = image(kind, orientation=orientation)
    for what in ("composite", "mask"):
        assert why_not(content, what) == (TURNED if turned else None)


def test_grey_of_16_bits_is_fit_for_depth_and_not_for_what_networks_see():
    content = image("PNG", GREY_16_BITS)
    told = {kind: why_not(content, kind) for kind in ("background", "composite", "mask", "depth")}
    assert told == {"background": DEEP, "composite": DEEP, "mask": None, "depth": None}


def test_of_a_damaged_image_decoding_tells():
    for content in (b"", b"no image", image("PNG")[:40], image("JPEG", orientation=6)[:30]):
        assert why_not(content, "composite") is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("composite/s3.png", image("JPEG", orientation=3), "its EXIF data turn it"),
        ("background/b1.png", image("PNG", orientation=6), "its EXIF data turn it"),
        ("mask/s2.png", image("PNG", COLOR[..., 0], orientation=2), "its EXIF data turn it"),
        ("composite/s4.png", image("PNG", GREY_16_BITS), "it is grey of more than 8 bits"),
    ],
)
def test_an_archive_with_such_an_image_is_not_decoded(
    tmp_path, monkeypatch, name, content, message
):
    found = canonical_archive.entries(samples=6, size=COLOR.shape[:2]) | {name: content}
    path = canonical_archive.write(tmp_path / "a.zip", found)
    with pytest.raises(InputError, match=rf"a\.zip: {name}: {message}"):
        open_dataset([path], (16, 16), root=tmp_path / "cache")
    assert [kept for kept in (tmp_path / "cache").iterdir() if kept.suffix != ".lock"] == []
    monkeypatch.setattr(CacheBuild, "has_room", lambda build: False)
    streamed = open_dataset([path], (16, 16), root=tmp_path / "cache")
    images = {"background": "backgrounds", "composite": "composites", "mask": "masks"}
    with pytest.raises(InputError, match=rf"a\.zip: {name}: {message}"):
        getattr(streamed, images[name.partition("/")[0]])[:]
