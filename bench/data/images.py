"""From an image file's bytes to an array, and from one size to another."""

from __future__ import annotations

import functools
import io
import struct
import threading
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from kornia_rs.io import decode_image_png_u8, decode_image_png_u16
from PIL import Image
from torch.nn import functional

from bench.settings.base import Size

Pixels = npt.NDArray[np.uint8]
Depth = npt.NDArray[np.float32]

MAX_IMAGE_PIXELS = 2**26  # pixels: more is damage, or a trap for the memory
REDUCTIONS = (8, 4, 2)  # at which a JPEG decoder gains speed
SPARE = 1.5
# What Pillow raises where a file is damaged.
_DAMAGE = (OSError, SyntaxError, ValueError, LookupError, EOFError, Image.DecompressionBombError)
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"  # width and height follow, four bytes each
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
_PNG_HEADER_BYTES = 33
# By what the header says after the size: bits, grey, and the one compression, filtering and order
# of pixels that is not interlaced.
_GREY_PNG_DECODERS = {
    b"\x08\0\0\0\0": decode_image_png_u8,
    b"\x10\0\0\0\0": decode_image_png_u16,
}


def size_of(content: bytes) -> Size:
    """The (height, width) of an image, from its header alone.

    Raises:
        ValueError: the bytes are no image, or one of more than `MAX_IMAGE_PIXELS` pixels.
    """
    if simplejpeg.is_jpeg(content):
        height, width, *_ = simplejpeg.decode_jpeg_header(content)
    elif content.startswith(_PNG_START) and len(content) >= len(_PNG_START) + 8:
        width, height = struct.unpack_from(">2L", content, len(_PNG_START))
    else:
        width, height = _open(content).size
    if height * width > MAX_IMAGE_PIXELS:
        raise ValueError(f"{width}x{height} px are more than an image should have")
    return int(height), int(width)


def decode_color(content: bytes, reduce_to: Size | None = None) -> Pixels:
    """Decode an image to (H, W, 3) uint8.

    Args:
        content: of the file.
        reduce_to: the size that the image is resized to next, see `_reduction`.

    Raises:
        ValueError: the bytes are no image, or one of more than `MAX_IMAGE_PIXELS` pixels.
    """
    if simplejpeg.is_jpeg(content):
        smallest = _reduction(size_of(content), reduce_to)
        return np.asarray(simplejpeg.decode_jpeg(content, colorspace="RGB", **smallest))
    return np.asarray(_load(content).convert("RGB"))


def decode_grey(content: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    """Decode an image to (H, W), uint16 where the file has 16 bits a pixel, else uint8.

    Always whole: masks and depth are the truth, which a reduced decoding would move.

    Raises:
        ValueError: the bytes are no image, or one of more than `MAX_IMAGE_PIXELS` pixels.
    """
    if simplejpeg.is_jpeg(content):
        size_of(content)
        return np.asarray(simplejpeg.decode_jpeg(content, colorspace="GRAY"))[..., 0]
    # Pillow lets other threads go on while it decodes, kornia_rs does not: it is for processes.
    if threading.current_thread() is threading.main_thread():
        decoded = _decode_plain_png(content)
        if decoded is not None:
            return decoded
    image = _load(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16, copy=False)
    return np.asarray(image.convert("L"))


def _decode_plain_png(content: bytes) -> npt.NDArray[np.uint8 | np.uint16] | None:
    """Decode a plain grey PNG to (H, W) in half of Pillow's time; None where Pillow has to decide.

    Plain is a header, data and the end, without the chunks that may change what the data mean.
    Damage is seen by the checksums of the chunks, where Pillow goes by that of the data in them.
    """
    decode = _GREY_PNG_DECODERS.get(content[24:29]) if content.startswith(_PNG_START) else None
    at = _PNG_HEADER_BYTES
    while content[at + 4 : at + 8] == b"IDAT":
        at += 12 + int.from_bytes(content[at : at + 4])
    if decode is None or content[at:] != _PNG_END:
        return None
    try:
        decoded: npt.NDArray[np.uint8 | np.uint16] = decode(content, size_of(content), "mono")
    except Exception:  # noqa: BLE001 - the library has no narrower one
        return None
    return decoded[..., 0]


def _reduction(size: Size, reduce_to: Size | None) -> dict[str, int]:
    """What has a JPEG decoded at an eighth, a quarter or a half of its size.

    Only where that leaves `SPARE` times the size that is wanted for the filter to average: at three
    times that size or more. The result then differs from that of full decoding by about one of 255
    levels in the mean.
    """
    for factor in REDUCTIONS if reduce_to else ():
        if all(s >= SPARE * factor * r for s, r in zip(size, reduce_to or size, strict=True)):
            return {"min_height": -(-size[0] // factor), "min_width": -(-size[1] // factor)}
    return {}


def decode_plasma(content: bytes) -> Pixels:
    """Decode an image painted in the color map plasma to (H, W) uint8, 0 the map's dark end.

    Each pixel becomes the nearest color of the map (by Smith and van der Walt, 2015,
    https://bids.github.io/colormap/).

    Raises:
        ValueError: the bytes are no image, or one of more than `MAX_IMAGE_PIXELS` pixels.
    """
    red, green, blue = np.moveaxis(decode_color(content) >> 2, -1, 0)
    levels: Pixels = _plasma_levels()[red, green, blue]
    return levels


@functools.cache
def _plasma_levels() -> Pixels:
    """(64, 64, 64) the map's nearest level to each color, at 6 bits a channel."""
    colors = np.loadtxt(Path(__file__).with_name("plasma.csv"), delimiter=",", skiprows=1)
    axis = np.arange(2, 256, 4)
    levels = np.empty((64, 64, 64), np.uint8)
    for number, red in enumerate(axis):
        grid = np.stack(np.meshgrid([red], axis, axis, indexing="ij"), axis=-1)[0]
        levels[number] = np.square(grid[:, :, None] - colors).sum(axis=-1).argmin(axis=-1)
    return levels


def _open(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content))
    except _DAMAGE as error:
        raise ValueError(f"no readable image ({error})") from None


def _load(content: bytes) -> Image.Image:
    size_of(content)
    image = _open(content)
    try:
        image.load()
    except _DAMAGE as error:
        raise ValueError(f"no readable image ({error})") from None
    return image


Array = TypeVar("Array", Pixels, Depth)


def resize(pixels: Array, size: Size) -> Array:
    """Resize (H, W) or (H, W, 3) to ``size`` (height, width) with a triangle filter.

    The filter widens with the reduction, so that fine texture is averaged and not aliased. Torch's
    gives what Pillow's gives, to the last bit for bytes, in a fifth of the time for color.
    """
    if pixels.shape[:2] == size:
        return pixels
    # A contiguous copy of a read-only array, which torch would warn of.
    whole = np.require(pixels.reshape(*pixels.shape[:2], -1), requirements=["C", "W"])
    resized = functional.interpolate(
        torch.from_numpy(whole).permute(2, 0, 1)[None], size, mode="bilinear", antialias=True
    )
    return resized[0].permute(1, 2, 0).reshape(*size, *pixels.shape[2:]).numpy()


def resize_with_holes(
    values: Depth, valid: npt.NDArray[np.bool_], size: Size
) -> tuple[Depth, Depth]:
    """Resize values (H, W) with holes: each pixel is the mean of the valid ones under it.

    Returns:
        The values at ``size``, and the share of each pixel that was valid, in [0, 1]. A value is 0
        where that share is 0.
    """
    if valid.all():
        return resize(values, size), np.ones(size, np.float32)
    share = resize(valid.astype(np.float32), size)
    total = resize(np.where(valid, values, np.float32(0)), size)
    return np.divide(total, share, out=np.zeros_like(total), where=share > 0), share
