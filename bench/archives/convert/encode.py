"""From an image as it was found to the bytes that the canonical layout takes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from bench.archives.convert.files import File
from bench.data import images
from bench.data.decode import Encoded, decode_color, decode_mask, read_depth_codes
from bench.data.layouts import KINDS

ENDINGS = (".jpg", ".png", "")
"""What `encode` adds to a file's name."""
_MASK_THRESHOLD = 127  # at which an archive that says nothing is read
_PNG = b"\x89PNG\r\n\x1a\n"


def encode(file: File) -> tuple[str, bytes, str]:
    """Return one of `ENDINGS`, the bytes to write, and whether they are copied or rewritten.

    Raises:
        InputError: the file is damaged, or no image though it should be one.
    """
    if file.kind not in KINDS:
        return "", file.layout.entries.read(file.row), "copied"
    read = Encoded.read(file.layout, file.row)
    pixels = _rewritten(file, read)
    if pixels is not None:
        return ".png", _png(pixels), "rewritten"
    read.size  # noqa: B018 - refuses what is no image
    return ".jpg" if simplejpeg.is_jpeg(read.content) else ".png", read.content, "copied"


def _rewritten(file: File, read: Encoded) -> npt.NDArray[Any] | None:
    """The pixels of an image that cannot be copied; None for one that can."""
    coding, threshold = file.layout.depth_coding, file.layout.mask_threshold
    foreign = not (simplejpeg.is_jpeg(read.content) or read.content.startswith(_PNG))
    match file.kind:
        case "mask" if threshold != _MASK_THRESHOLD:
            return decode_mask(read, read.size).object * np.uint8(255)
        case "mask" | "unknown" if foreign:
            return read.decoded(images.decode_grey)
        case "depth" if foreign or coding.crop is not None or coding.colors != "grey":
            return read_depth_codes(read)
        case "background" | "composite" if foreign or file.mirrored:
            return decode_color(read, read.size, mirrored=file.mirrored)
    return None


def _png(pixels: npt.NDArray[Any]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, "PNG", compress_level=3)
    return content.getvalue()
