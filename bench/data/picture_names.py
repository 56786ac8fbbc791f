"""Which files are pictures by their names, and which of them no library here can read?"""

from __future__ import annotations

from pathlib import PurePath

from PIL import Image

_PHONES = {".heic", ".heif", ".hif", ".jxl"}
_CAMERAS = {".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"}
_UNREADABLE = _PHONES | _CAMERAS


def is_picture(name: str | PurePath) -> bool:
    """Return whether a file is a picture by its ending, whether or not it can be read."""
    ending = PurePath(name).suffix.lower()
    kind = Image.registered_extensions().get(ending, "")  # some are documents, films or numbers
    return Image.MIME.get(kind, "").startswith("image/") or ending in _UNREADABLE


def is_unreadable(name: str | PurePath) -> bool:
    """Return whether a file is of a kind that cannot be read, as HEIC and what cameras call raw."""
    return PurePath(name).suffix.lower() in _UNREADABLE
