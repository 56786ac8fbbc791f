"""From an image file's bytes to an array, and from one size to another."""

from __future__ import annotations

import io
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Depth = npt.NDArray[np.float32]
Size = tuple[int, int]


def decode_color(content: bytes) -> Pixels:
    """Decode a picture to (H, W, 3) uint8.

    Raises:
        ValueError: the bytes are no picture.
    """
    if simplejpeg.is_jpeg(content):
        return np.asarray(simplejpeg.decode_jpeg(content, colorspace="RGB"))
    return np.asarray(_open(content).convert("RGB"))


def decode_grey(content: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    """Decode a picture to (H, W), uint16 where the file has 16 bits a pixel, else uint8.

    Raises:
        ValueError: the bytes are no picture.
    """
    if simplejpeg.is_jpeg(content):
        return np.asarray(simplejpeg.decode_jpeg(content, colorspace="GRAY"))[..., 0]
    image = _open(content)
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    return np.asarray(image.convert("L"))


def _open(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
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
