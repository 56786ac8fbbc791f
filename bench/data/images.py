"""From an image file's bytes to an array, and from one size to another."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Depth = npt.NDArray[np.float32]
Size = tuple[int, int]

LARGEST_PICTURE = 2**26  # pixels: more is damage, or a trap for the memory
REDUCTIONS = (8, 4, 2)  # by which a JPEG decoder can shrink as it decodes, at a gain in speed
SPARE = 1.5  # what the reduced decoding leaves for the filter to average, as a factor of the side


def size_of(content: bytes) -> Size:
    """The (height, width) of a picture, from its header alone.

    Raises:
        ValueError: the bytes are no picture, or one of more than `LARGEST_PICTURE` pixels.
    """
    if simplejpeg.is_jpeg(content):
        height, width, *_ = simplejpeg.decode_jpeg_header(content)
    else:
        width, height = _open(content).size
    if height * width > LARGEST_PICTURE:
        raise ValueError(f"{width}x{height} px are more than a picture should have")
    return int(height), int(width)


def decode_color(content: bytes, reduce_to: Size | None = None) -> Pixels:
    """Decode a picture to (H, W, 3) uint8.

    Args:
        content: of the file.
        reduce_to: the size that the picture is resized to next. A JPEG at least three times as
            large is decoded at a half, a quarter or an eighth of its size, down to `SPARE` times
            this size. Pixels then differ from full decoding by about one grey level in the mean.

    Raises:
        ValueError: the bytes are no picture, or one of more than `LARGEST_PICTURE` pixels.
    """
    size = size_of(content)
    if not simplejpeg.is_jpeg(content):
        return np.asarray(_load(content).convert("RGB"))
    smallest = {}
    if reduce_to is not None:
        for factor in REDUCTIONS:
            if all(s >= SPARE * factor * r for s, r in zip(size, reduce_to, strict=True)):
                smallest = {"min_height": -(-size[0] // factor), "min_width": -(-size[1] // factor)}
                break
    return np.asarray(simplejpeg.decode_jpeg(content, colorspace="RGB", **smallest))


def decode_grey(content: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    """Decode a picture to (H, W), uint16 where the file has 16 bits a pixel, else uint8.

    Raises:
        ValueError: the bytes are no picture, or one of more than `LARGEST_PICTURE` pixels.
    """
    size_of(content)
    if simplejpeg.is_jpeg(content):
        return np.asarray(simplejpeg.decode_jpeg(content, colorspace="GRAY"))[..., 0]
    image = _load(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    return np.asarray(image.convert("L"))


def decode_plasma(content: bytes) -> Pixels:
    """Decode a picture painted in the colour map plasma to (H, W) uint8, 0 the map's dark end.

    Each pixel becomes the nearest colour of the map (by Smith and van der Walt, 2015,
    https://bids.github.io/colormap/).

    Raises:
        ValueError: the bytes are no picture, or one of more than `LARGEST_PICTURE` pixels.
    """
    red, green, blue = np.moveaxis(decode_color(content) >> 2, -1, 0)
    levels: Pixels = _plasma_levels()[red, green, blue]
    return levels


@functools.cache
def _plasma_levels() -> Pixels:
    """(64, 64, 64) the map's nearest level to each colour, at 6 bits a channel."""
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
        raise ValueError(f"no readable picture ({error})") from None


def _load(content: bytes) -> Image.Image:
    image = _open(content)
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"no readable picture ({error})") from None
    return image


Array = TypeVar("Array", Pixels, Depth)


def resize(pixels: Array, size: Size) -> Array:
    """Resize (H, W) or (H, W, 3) to ``size`` (height, width) with a triangle filter.

    The filter widens with the reduction, so that fine texture is averaged and not aliased.
    """
    if pixels.shape[:2] == size:
        return pixels
    height, width = size
    resized = Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=pixels.dtype)


def resize_depth(depth: Depth, valid: npt.NDArray[np.bool_], size: Size) -> tuple[Depth, Depth]:
    """Resize a depth map (H, W) with holes: each pixel is the mean of the readings under it.

    Returns:
        The depth at ``size``, and the share of each of its pixels that had a reading, in [0, 1].
        Depth is 0 where that share is 0.
    """
    if valid.all():
        return resize(depth, size), np.ones(size, np.float32)
    share = resize(valid.astype(np.float32), size)
    total = resize(np.where(valid, depth, np.float32(0)), size)
    return np.divide(total, share, out=np.zeros_like(total), where=share > 0), share
