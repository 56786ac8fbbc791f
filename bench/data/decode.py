"""One sample's pictures, each checked against its composite and brought to one size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from bench.data import images
from bench.data.images import Depth, Pixels, Size
from bench.data.layouts import NO_ENTRY, Layout
from bench.errors import InputError
from bench.settings import DepthCoding

VALID_SHARE = 0.5  # a resized depth pixel counts if at least this share of it had a reading

Decoded = TypeVar("Decoded")


class DepthMap(NamedTuple):
    """Depth at one size (H, W).

    Attributes:
        depth: (H, W) float32 in [0, 1], 0 near; 0 where there is no reading.
        valid: (H, W) bool.
    """

    depth: Depth
    valid: npt.NDArray[np.bool_]


def native_size(layout: Layout, row: int) -> Size:
    """The (height, width) of the picture at ``row`` of the layout's entries, from its header.

    Raises:
        InputError: the entry is no picture.
    """
    return _decoded(layout, row, images.size_of)


def decode_color(layout: Layout, row: int, size: Size, *, mirrored: bool = False) -> Pixels:
    """A background or composite at ``size``, (H, W, 3) uint8, left and right swapped if mirrored.

    Raises:
        InputError: the entry is no picture.
    """
    pixels = _decoded(layout, row, lambda content: images.decode_color(content, size))
    resized = images.resize(pixels, size)
    return resized[:, ::-1] if mirrored else resized


def decode_mask(layout: Layout, row: int, size: Size) -> npt.NDArray[np.bool_]:
    """A mask at ``size``, (H, W) bool.

    Raises:
        InputError: the entry is no picture.
    """
    mask = _decoded(layout, row, images.decode_grey)
    grey = (mask if mask.dtype == np.uint8 else mask >> 8).astype(np.uint8, copy=False)
    return images.resize(grey, size) > layout.mask_threshold


def decode_depth(layout: Layout, row: int, size: Size) -> DepthMap:
    """A depth map at ``size``.

    Raises:
        InputError: the entry is no picture, or smaller than the crop.
    """
    coded = decode_depth_coded(layout, row)
    crop = layout.depth_coding.crop
    if crop is not None:
        top, left, bottom, right = crop
        if bottom > coded.shape[0] or right > coded.shape[1]:
            raise InputError(
                f"{layout.entries.where(row)}: depth.crop {list(crop)} does not fit into its "
                f"{coded.shape[0]}x{coded.shape[1]} px"
            )
        coded = coded[top:bottom, left:right]
    resized, share = images.resize_depth(*_near_zero(coded, layout.depth_coding), size)
    return DepthMap(resized, share >= VALID_SHARE)


def decode_depth_coded(layout: Layout, row: int) -> npt.NDArray[np.uint8 | np.uint16]:
    """A depth picture's values as they are coded, (H, W).

    Raises:
        InputError: the entry is no picture.
    """
    if layout.depth_coding.colors == "plasma":
        return _decoded(layout, row, images.decode_plasma)
    return _decoded(layout, row, images.decode_grey)


def depth_dtype(layouts: list[Layout]) -> type[np.uint8 | np.uint16]:
    """What holds the depth of all layouts: 16 bits if any one's first depth picture has them."""
    for layout in layouts:
        first = int(layout.samples["depth_entry"].iloc[0])
        if first != NO_ENTRY and decode_depth_coded(layout, first).dtype == np.uint16:
            return np.uint16
    return np.uint8


def check_sizes(layout: Layout, rows: list[int]) -> None:
    """Make sure that a sample's pictures show the same field: one size, or one aspect ratio.

    Args:
        layout: whose entries.
        rows: of the composite first, then of its other pictures.

    Raises:
        InputError: they do not.
    """
    height, width = native_size(layout, rows[0])
    for row in rows[1:]:
        other_height, other_width = native_size(layout, row)
        # To within a pixel of the larger side, as a thumbnail's sides are rounded.
        if abs(height * other_width - width * other_height) > max(width, other_width):
            raise InputError(
                f"{layout.entries.where(row)} is {other_width}x{other_height} px, but "
                f"{layout.entries.names[rows[0]]} is {width}x{height} px; a sample's pictures must "
                "have one shape"
            )


def _decoded(layout: Layout, row: int, decode: Callable[[bytes], Decoded]) -> Decoded:
    content = layout.entries.read(row)
    try:
        return decode(content)
    except ValueError as error:
        raise InputError(f"{layout.entries.where(row)}: {error}") from None


def _near_zero(
    coded: npt.NDArray[np.uint8 | np.uint16], coding: DepthCoding
) -> tuple[Depth, npt.NDArray[np.bool_]]:
    """Depth in [0, 1] with 0 near, and where there is a reading."""
    depth = np.minimum(coded.astype(np.float32) / coding.maximum, 1)
    if coding.near == "high":
        depth = 1 - depth
    if coding.invalid is None:
        return depth, np.ones(coded.shape, np.bool_)
    return depth, coded != coding.invalid
