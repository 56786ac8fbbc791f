"""Whether decoding gives of an image what a viewer shows.

Networks learn from the pixels that a file stores. Two kinds of files are shown otherwise, and would
be learned from wrongly without a word.
"""

from __future__ import annotations

import io

import simplejpeg
from PIL import ExifTags, Image

TURNED = "its EXIF data turn it, which decoding does not: turn its pixels (mogrify -auto-orient)"
DEEP = "it is grey of more than 8 bits, which decoding makes white: save it with 8 bits"

COLOR_KINDS = frozenset({"background", "composite"})
_DEEP_MODES = ("I", "F")  # how Pillow's names for grey of more than 8 bits begin
_TURNING = range(2, 9)  # the EXIF orientations but the upright one


def why_not(content: bytes, kind: str) -> str | None:
    """Return why decoding an image gives something else than a viewer shows, with the cure.

    Args:
        content: of the file; of one that is damaged nothing is said.
        kind: one of `bench.data.layouts.KINDS`; masks and depth may have 16 bits.
    """
    if simplejpeg.is_jpeg(content) and b"Exif" not in content:
        return None
    try:
        with Image.open(io.BytesIO(content)) as image:
            if kind in COLOR_KINDS and image.mode.startswith(_DEEP_MODES):
                return DEEP
            # Pillow decodes a whole PNG to look for data that most have not.
            if content.startswith(b"\x89PNG") and b"eXIf" not in content:
                return None
            turned = image.getexif().get(ExifTags.Base.Orientation) in _TURNING
    except Exception:  # noqa: BLE001 - whatever a damaged file leads to; decoding tells of it
        return None
    return TURNED if turned else None
