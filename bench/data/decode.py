"""One sample's images, each checked against its composite and brought to one size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from bench.data import images
from bench.data.images import Depth, Pixels
from bench.data.layouts import NO_ENTRY, Manifest
from bench.errors import InputError
from bench.settings import DepthCoding
from bench.settings.base import Size

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


class Encoded(NamedTuple):
    """An image's file, read but not decoded.

    Attributes:
        layout: whose entry it is.
        row: of the layout's entries.
        content: its bytes.
    """

    layout: Manifest
    row: int
    content: bytes

    @classmethod
    def read(cls, layout: Manifest, row: int) -> Encoded:
        """The entry at ``row``.

        Raises:
            InputError: the entry is damaged.
        """
        return cls(layout, row, layout.entries.read(row))

    def decoded(self, decode: Callable[[bytes], Decoded]) -> Decoded:
        """What ``decode`` makes of the bytes.

        Raises:
            InputError: the entry is no image.
        """
        try:
            return decode(self.content)
        except ValueError as error:
            raise InputError(f"{self.layout.entries.where(self.row)}: {error}") from None

    @property
    def size(self) -> Size:
        """Its (height, width), from the header.

        Raises:
            InputError: the entry is no image.
        """
        return self.decoded(images.size_of)


def decode_color(image: Encoded, size: Size, *, mirrored: bool = False) -> Pixels:
    """A background or composite at ``size``, (H, W, 3) uint8, left and right swapped if mirrored.

    Raises:
        InputError: the entry is no image.
    """
    # A mirrored one is decoded whole, as its copy in a converted archive is, which is no JPEG.
    reduce_to = None if mirrored else size
    resized = images.resize(image.decoded(lambda c: images.decode_color(c, reduce_to)), size)
    return resized[:, ::-1] if mirrored else resized


def decode_mask(image: Encoded, size: Size) -> npt.NDArray[np.bool_]:
    """A mask at ``size``, (H, W) bool.

    Raises:
        InputError: the entry is no image.
    """
    mask = image.decoded(lambda content: images.decode_grey(content, size))
    grey = (mask if mask.dtype == np.uint8 else mask >> 8).astype(np.uint8, copy=False)
    return images.resize(grey, size) > image.layout.mask_threshold


def decode_depth(image: Encoded, size: Size) -> DepthMap:
    """A depth map at ``size``.

    Raises:
        InputError: the entry is no image, or smaller than the crop.
    """
    coding = image.layout.depth_coding
    codes = read_depth_codes(image, size)
    if coding.invalid is None and np.iinfo(codes.dtype).max <= coding.maximum:
        # Nothing to clip and no holes: averaging first is the same, on fewer pixels after it.
        depth = images.resize(codes.astype(np.float32), size) / np.float32(coding.maximum)
        return DepthMap(_near_first(depth, coding), np.ones(size, np.bool_))
    depth = _near_first(np.minimum(codes.astype(np.float32) / coding.maximum, 1), coding)
    valid = np.ones(codes.shape, np.bool_) if coding.invalid is None else codes != coding.invalid
    resized, share = images.resize_depth(depth, valid, size)
    return DepthMap(resized, share >= VALID_SHARE)


def read_depth_codes(
    image: Encoded, reduce_to: Size | None = None
) -> npt.NDArray[np.uint8 | np.uint16]:
    """A depth map's values as they are coded, less the frame around it, (H, W).

    Args:
        image: the file.
        reduce_to: the size that it is resized to next, where that saves decoding all of it.

    Raises:
        InputError: the entry is no image, or smaller than the crop.
    """
    coding = image.layout.depth_coding
    if coding.colors == "grey" and coding.crop is None and coding.invalid is None:
        return image.decoded(lambda content: images.decode_grey(content, reduce_to))
    decode = images.decode_plasma if coding.colors == "plasma" else images.decode_grey
    codes: npt.NDArray[np.uint8 | np.uint16] = image.decoded(decode)
    if coding.crop is None:
        return codes
    top, left, bottom, right = coding.crop
    if bottom > codes.shape[0] or right > codes.shape[1]:
        raise InputError(
            f"{image.layout.entries.where(image.row)}: depth.crop {list(coding.crop)} does not "
            f"fit into its {codes.shape[0]}x{codes.shape[1]} px"
        )
    return codes[top:bottom, left:right]


def depth_dtype(layouts: list[Manifest]) -> type[np.uint8 | np.uint16]:
    """What holds the depth of all layouts: 16 bits if any one's first depth image has them."""
    for layout in layouts:
        first = int(layout.samples["depth_entry"].iloc[0])
        if first == NO_ENTRY:
            continue
        if read_depth_codes(Encoded.read(layout, first)).dtype == np.uint16:
            return np.uint16
    return np.uint8


def _near_first(depth: Depth, coding: DepthCoding) -> Depth:
    """Depth in [0, 1] with 0 near, whichever end of its values is."""
    return 1 - depth if coding.near == "high" else depth
