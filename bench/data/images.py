"""From an image file's bytes to an array, and from one size to another."""

from __future__ import annotations

import functools
import io
import struct
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import simplejpeg
import torch
from PIL import Image
from torch.nn import functional

from bench.settings.base import Size

Pixels = npt.NDArray[np.uint8]
Depth = npt.NDArray[np.float32]

MAX_IMAGE_PIXELS = 2**26  # pixels: more is damage, or a trap for the memory
REDUCTIONS = (8, 4, 2)  # at which a JPEG decoder gains speed
SPARE = 1.5
_PNG_START = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"  # width and height follow, four bytes each


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
    image = _load(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16, copy=False)
    return np.asarray(image.convert("L"))


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
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"no readable image ({error})") from None


def _load(content: bytes) -> Image.Image:
    size_of(content)
    image = _open(content)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
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
