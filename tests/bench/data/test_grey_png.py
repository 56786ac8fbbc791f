"""Grey PNGs give what Pillow gives, and are refused where it refuses, whoever decodes them."""

import io
import itertools
import random
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from bench.data import images

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, body):
    return struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body))


def filtered(values, filters):
    """The scanlines by the PNG specification, section 9; filters 0 to 4, one a row."""
    width = values.dtype.itemsize
    rows = values.astype(values.dtype.newbyteorder(">")).view(np.uint8).astype(int)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    left, above_left = (np.pad(x, ((0, 0), (width, 0)))[:, :-width] for x in (rows, above))
    guess = left + above - above_left
    candidates = np.stack([left, above, above_left])
    paeth = np.take_along_axis(candidates, np.abs(guess - candidates).argmin(0)[None], 0)[0]
    predicted = np.stack([np.zeros_like(rows), left, above, (left + above) // 2, paeth])
    of_row = predicted[filters, np.arange(len(rows))]
    lines = np.column_stack([filters, (rows - of_row) % 256]).astype(np.uint8)
    return lines.tobytes()


def header(width, height, bits=8, color=0, interlaced=0):
    return chunk(b"IHDR", struct.pack(">2L5B", width, height, bits, color, 0, 0, interlaced))


def grey_png(values, *, filters=None, before=b"", after=b"", parts=1, scanlines=None):
    filters = np.zeros(len(values), int) if filters is None else filters
    data = zlib.compress(scanlines or filtered(values, filters))
    cuts = [len(data) * part // parts for part in range(parts + 1)]
    return b"".join(
        (
            SIGNATURE,
            header(values.shape[1], len(values), 8 * values.dtype.itemsize),
            before,
            *(chunk(b"IDAT", data[a:b]) for a, b in itertools.pairwise(cuts)),
            after,
            chunk(b"IEND", b""),
        )
    )


def saved(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def by_pillow(content):
    image = Image.open(io.BytesIO(content))
    image.load()
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    return np.asarray(image.convert("L"))


def draw_values(draw, dtype):
    size = (draw.choice([1, 2, 3, 9, 40]), draw.choice([1, 2, 5, 33]))
    noise = np.random.default_rng(draw.randrange(2**32))
    return noise.integers(0, np.iinfo(dtype).max, size, endpoint=True, dtype=dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_plain_ones_come_back_exactly_with_every_filter(dtype):
    for seed in range(200):
        draw = random.Random(seed)
        values = draw_values(draw, dtype)
        filters = np.array([draw.randrange(5) for _ in values])
        content = grey_png(values, filters=filters, parts=draw.choice([1, 2, 5]))
        decoded = images._decode_plain_png(content)
        assert decoded.dtype == dtype
        assert np.array_equal(decoded, values)
        assert np.array_equal(by_pillow(content), values)


RAMP = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)
OTHERS = {
    "a palette": saved(Image.fromarray(255 - RAMP).convert("P")),
    "one bit": saved(Image.fromarray(RAMP).convert("1")),
    "four bits": SIGNATURE
    + header(4, 1, bits=4)
    + chunk(b"IDAT", zlib.compress(b"\0\x01\xfe"))
    + chunk(b"IEND", b""),
    "colour": saved(Image.fromarray(RAMP).convert("RGB")),
    "grey with alpha": saved(Image.fromarray(RAMP).convert("LA")),
    "a transparent level": grey_png(RAMP, before=chunk(b"tRNS", b"\0\x04")),
    "gamma": grey_png(RAMP, before=chunk(b"gAMA", struct.pack(">L", 45455))),
    "sRGB": grey_png(RAMP, before=chunk(b"sRGB", b"\0")),
    "a text after the data": grey_png(RAMP, after=chunk(b"tEXt", b"Title\0x")),
    "two frames": saved(
        Image.fromarray(RAMP), save_all=True, append_images=[Image.fromarray(RAMP[::-1])]
    ),
    "interlaced, of one pixel": SIGNATURE
    + header(1, 1, interlaced=1)
    + chunk(b"IDAT", zlib.compress(b"\0\x4d"))
    + chunk(b"IEND", b""),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_others_are_left_to_pillow(content):
    assert images._decode_plain_png(content) is None
    assert np.array_equal(images.decode_grey(content), by_pillow(content))


def flip_bits(content, draw):
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 30])):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return bytes(content)


def truncate(content, draw):
    return content[: draw.randrange(len(content))]


def insert(content, draw):
    place = draw.randrange(len(content))
    return content[:place] + draw.randbytes(draw.choice([1, 12, 100])) + content[place:]


def change_the_header(content, draw):
    body = bytearray(content[16:29])
    body[draw.randrange(13)] = draw.choice([0, 1, 2, 3, 4, 8, 16])
    return content[:8] + chunk(b"IHDR", bytes(body)) + content[33:]


DAMAGES = [flip_bits, truncate, insert, change_the_header]


def outcome(decode, content):
    """The image as bytes, or nothing where it is refused."""
    try:
        decoded = decode(content)
    except (OSError, SyntaxError, ValueError, LookupError, EOFError):
        return None
    return decoded.dtype, decoded.shape, decoded.tobytes()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's of damaged frames
def test_damaged_ones_are_what_they_are_to_pillow():
    refused = 0
    for seed in range(2000):
        draw = random.Random(seed)
        values = draw_values(draw, draw.choice([np.uint8, np.uint16]))
        lines = filtered(values, np.array([draw.randrange(5) for _ in values]))
        if draw.random() < 0.3:  # too few of them, or too many
            lines = (lines + draw.randbytes(50))[: draw.randrange(1, len(lines) + 50)]
        content = grey_png(values, parts=draw.choice([1, 3]), scanlines=lines)
        content = draw.choice(DAMAGES)(content, draw)
        width, height = struct.unpack(">2L", content[16:24].ljust(8, b"\0"))
        if width * height > 2**20:
            continue
        expected = outcome(by_pillow, content)
        assert outcome(images.decode_grey, content) == expected, seed
        refused += expected is None
    assert 500 < refused < 1900


def test_whatever_pillow_raises_is_one_kind_of_error():
    """Of this colour profile Pillow 13 says "index out of range", once the data are read."""
    content = grey_png(RAMP, after=chunk(b"iCCP", b"x\0"))
    with pytest.raises(ValueError, match="no readable image"):
        images.decode_grey(content)


def test_threads_decode_with_pillow_which_lets_the_others_go_on(monkeypatch):
    def decode(*_):
        raise AssertionError("not in a thread")

    monkeypatch.setattr(images, "_decode_plain_png", decode)
    with ThreadPoolExecutor(1) as thread:
        decoded = thread.submit(images.decode_grey, grey_png(RAMP)).result()
    assert np.array_equal(decoded, RAMP)
