"""The user's images: found in a folder, read, and brought to the size of the frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from bench.archives.paste.paste import ALPHA_THRESHOLD
from bench.data.images import Pixels
from bench.data.picture_names import is_picture
from bench.errors import InputError

_SUFFIXES = (".jpg", ".jpeg", ".png")
_DEEP_MODES = ("I", "F")  # how Pillow's names for grey of more than 8 bits begin


@dataclass(frozen=True)
class Cutout:
    """An object to paste.

    Attributes:
        id: its file's name without the suffix.
        path: its file.
        pixels: (h, w, 4) uint8, red, green, blue and straight alpha; no side longer than the
            frame's, no transparent margin.
        shrunk: whether it was larger than the frame and was scaled down to fit.
    """

    id: str
    path: Path
    pixels: Pixels
    shrunk: bool


def list_images(folder: Path) -> dict[str, Path]:
    """The images that lie directly in a folder, by id (the name without suffix), sorted.

    Those that are neither JPEG nor PNG come last, unless such an image has the same id.

    Raises:
        InputError: the folder cannot be read, holds no image, or two of one id.
    """
    try:
        files = sorted(folder.iterdir(), key=lambda file: (not _has_right_suffix(file), file))
    except OSError as error:
        raise InputError(f"{folder}: no readable folder ({error.strerror})") from None
    images: dict[str, Path] = {}
    for file in files:
        if not is_picture(file) or file.name.startswith("."):
            continue
        if file.stem in images and not _has_right_suffix(file):
            continue  # cameras write a JPEG beside what they call raw
        if file.stem in images:
            raise InputError(f"{file}: {images[file.stem].name} has the same name; rename one")
        images[file.stem] = file
    if not images:
        raise InputError(f"{folder}: holds no image ({', '.join(_SUFFIXES)})")
    return images


def _has_right_suffix(file: Path) -> bool:
    return file.suffix.lower() in _SUFFIXES


def digest(images: dict[str, Path]) -> str:
    """A digest of the images' ids and contents: changes whenever the dataset would.

    Raises:
        InputError: a file cannot be read.
    """
    whole = hashlib.sha256()
    for name, file in images.items():
        try:
            content = hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"{file}: no readable image ({error.strerror})") from None
        whole.update(f"{name}\0{content}\n".encode())
    return whole.hexdigest()


def read_background(path: Path, size: int) -> Pixels:
    """The central square of an image, resized to (size, size, 3) uint8.

    Raises:
        InputError: the file is no image.
    """
    image = _open(path).convert("RGB")
    square = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(square)


def read_cutout(path: Path, size: int) -> Cutout:
    """An object without its transparent margin, scaled down where larger than the frame.

    Raises:
        InputError: the file is no image, has no alpha channel, or shows nothing.
    """
    image = _open(path)
    if not image.has_transparency_data:
        raise InputError(
            f"{path}: has no alpha channel; a foreground is a cut-out on a transparent ground "
            "(an RGBA PNG)"
        )
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema()[1] <= ALPHA_THRESHOLD:  # type: ignore[operator]  # one channel, one pair
        raise InputError(f"{path}: is transparent everywhere; nothing of it could be seen")
    image = image.crop(alpha.getbbox())
    shrunk = max(image.size) > size
    if shrunk:
        factor = size / max(image.size)
        width, height = (max(1, round(side * factor)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return Cutout(path.stem, path, np.asarray(image), shrunk)


def _open(path: Path) -> Image.Image:
    """An image, upright: cameras store a rotation beside the pixels."""
    if not _has_right_suffix(path):
        raise InputError(f"{path}: is neither JPEG nor PNG; save it as one of them")
    try:
        with Image.open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: no readable image ({error})") from None
    if upright.mode.startswith(_DEEP_MODES):
        raise InputError(f"{path}: has more than 8 bits a channel; save it with 8")
    return upright
