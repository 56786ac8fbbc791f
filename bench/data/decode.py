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

VALID_SHARE = 0.5  # a resized pixel counts if at least this share of it had a value
UNKNOWN_ABOVE = 127  # grey of an ignore region's image: more means that the mask is unknown there

Decoded = TypeVar("Decoded")


class Mask(NamedTuple):
    """A mask at one size (H, W).

    Attributes:
        object: (H, W) bool.
        valid: (H, W) bool, where the mask is known.
    """

    object: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_]


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


def decode_mask(image: Encoded, size: Size, unknown: Encoded | None = None) -> Mask:
    """A mask at ``size``; what it says where it is unknown has no influence.

    Args:
        image: the mask's file.
        size: (height, width).
        unknown: the image of the ignore region, if there is one: bright where the mask is unknown.

    Raises:
        InputError: an entry is no image.
    """
    grey, threshold = _read_grey(image), image.layout.mask_threshold
    if unknown is not None:
        known = images.resize(_read_grey(unknown), grey.shape) <= UNKNOWN_ABOVE
        if not known.all():
            resized, share = images.resize_with_holes(grey.astype(np.float32), known, size)
            return Mask(np.rint(resized) > threshold, share >= VALID_SHARE)
    return Mask(images.resize(grey, size) > threshold, np.ones(size, np.bool_))


def _read_grey(image: Encoded) -> Pixels:
    """A mask's levels, (H, W) uint8, of a file with 16 bits too."""
    grey = image.decoded(images.decode_grey)
    return (grey if grey.dtype == np.uint8 else grey >> 8).astype(np.uint8, copy=False)


def decode_depth(image: Encoded, size: Size) -> DepthMap:
    """A depth map at ``size``.

    Raises:
        InputError: the entry is no image, or smaller than the crop.
    """
    coding = image.layout.depth_coding
    codes = read_depth_codes(image)
    if coding.invalid is None and np.iinfo(codes.dtype).max <= coding.maximum:
        # Nothing to clip and no holes: averaging first is the same, on fewer pixels after it.
        depth = images.resize(codes.astype(np.float32), size) / np.float32(coding.maximum)
        return DepthMap(_near_first(depth, coding), np.ones(size, np.bool_))
    depth = _near_first(np.minimum(codes.astype(np.float32) / coding.maximum, 1), coding)
    valid = np.ones(codes.shape, np.bool_) if coding.invalid is None else codes != coding.invalid
    resized, share = images.resize_with_holes(depth, valid, size)
    return DepthMap(resized, share >= VALID_SHARE)


def read_depth_codes(image: Encoded) -> npt.NDArray[np.uint8 | np.uint16]:
    """A depth map's values as they are coded, less the frame around it, (H, W).

    Raises:
        InputError: the entry is no image, or smaller than the crop.
    """
    coding = image.layout.depth_coding
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
