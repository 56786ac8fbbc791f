"""One sample's pictures, checked against each other and brought to one size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.data import images
from bench.data.images import Depth, Pixels, Size
from bench.data.layout import DepthCoding, Layout
from bench.errors import InputError

MASK_THRESHOLD = 127  # a mask picture's grey above this is object, as JPEG blurs its edges
VALID_SHARE = 0.5  # a resized depth pixel counts if at least this share of it had a reading

Decoded = TypeVar("Decoded")


class Sample(NamedTuple):
    """What is decoded of a sample, besides its background, at one size (H, W).

    Attributes:
        composite: (H, W, 3) uint8.
        mask: (H, W) bool.
        depth: (H, W) float32 in [0, 1], 0 near; 0 where there is no reading.
        depth_valid: (H, W) bool.
    """

    composite: Pixels
    mask: npt.NDArray[np.bool_]
    depth: Depth
    depth_valid: npt.NDArray[np.bool_]


def decode_background(layout: Layout, entry: str) -> Pixels:
    """A background at its own size, (H, W, 3) uint8.

    Raises:
        InputError: the entry is no picture.
    """
    return _decoded(layout, entry, images.decode_color)


def decode_sample(
    layout: Layout, sample: pd.Series[str], background_size: Size, size: Size
) -> Sample:
    """One row of ``layout.samples`` at ``size``.

    Raises:
        InputError: an entry is no picture, or the pictures differ in size.
    """
    composite = _decoded(layout, sample["composite_entry"], images.decode_color)
    mask = _decoded(layout, sample["mask_entry"], images.decode_grey)
    depth = _decoded(layout, sample["depth_entry"], images.decode_grey)
    for kind, shape in (
        ("background", background_size),
        ("mask", mask.shape),
        ("depth", depth.shape),
    ):
        if shape != composite.shape[:2]:
            raise InputError(
                f"{layout.archive.path}: {sample[f'{kind}_entry']} is {shape[1]}x{shape[0]} px, "
                f"but {sample['composite_entry']} is {composite.shape[1]}x{composite.shape[0]} px; "
                "a sample's pictures must agree"
            )
    grey = (mask if mask.dtype == np.uint8 else mask >> 8).astype(np.uint8, copy=False)
    resized, share = images.resize_depth(*_near_zero(depth, layout.depth_coding), size)
    return Sample(
        composite=images.resize(composite, size),
        mask=images.resize(grey, size) > MASK_THRESHOLD,
        depth=resized,
        depth_valid=share >= VALID_SHARE,
    )


def depth_dtype(layouts: list[Layout]) -> type[np.uint8 | np.uint16]:
    """What holds the depth of all archives: 16 bits if any one's first depth picture has them."""
    for layout in layouts:
        first = _decoded(layout, layout.samples["depth_entry"].iloc[0], images.decode_grey)
        if first.dtype == np.uint16:
            return np.uint16
    return np.uint8


def _decoded(layout: Layout, entry: str, decode: Callable[[bytes], Decoded]) -> Decoded:
    content = layout.archive.read(entry)
    try:
        return decode(content)
    except ValueError as error:
        raise InputError(f"{layout.archive.path}: {entry}: {error}") from None


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
