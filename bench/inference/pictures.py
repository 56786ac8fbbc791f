"""A user's own pictures, found and paired, and read as training reads an archive's."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import ExifTags, Image, ImageOps

from bench.data import decode, images
from bench.data.decode import Encoded
from bench.data.entries import Entries, Folder
from bench.data.images import Pixels
from bench.data.layouts import KINDS, NO_ENTRY, Manifest, open_layouts
from bench.data.picture_names import is_picture, is_unreadable
from bench.errors import InputError
from bench.settings import DepthCoding, Source
from bench.settings.base import Size

MASK_THRESHOLD = 127  # of masks that are not there


class Picture(NamedTuple):
    """An image's file, and whether left and right of it are to be swapped."""

    file: Encoded
    mirrored: bool = False

    @property
    def size(self) -> Size:
        """Its own (height, width).

        Raises:
            InputError: it is no image.
        """
        return self.file.size

    def at(self, size: Size) -> Pixels:
        """Return the picture at a size, (H, W, 3) uint8, as a dataset of that size holds it.

        Raises:
            InputError: it is no image.
        """
        return decode.decode_color(self.file, size, mirrored=self.mirrored)


class Pair(NamedTuple):
    """A composite, and the same scene without the object; None where that is not given."""

    composite: Picture
    background: Picture | None


@dataclass(frozen=True)
class Pairs:
    """Pictures to predict, each read when it is asked for.

    Attributes:
        layout: which of them belong together.
        as_shown: whether a picture is read as viewers show it: by its EXIF rotation, and of grey
            with 16 bits the upper 8. Training does neither to what lies in an archive.
    """

    layout: Manifest
    as_shown: bool

    @property
    def keys(self) -> list[str]:
        """What the pairs are called: the composites' names without their ending."""
        return [str(key) for key in self.layout.samples["key"]]

    def read(self, number: int) -> Pair:
        """Read a pair.

        Raises:
            InputError: a picture is not there, damaged, or the two are not of one shape.
        """
        sample = self.layout.samples.iloc[number]
        if sample["composite_entry"] == NO_ENTRY:
            raise InputError("has no composite")
        composite = Picture(self._file(int(sample["composite_entry"])))
        background = None
        if sample["background_entry"] != NO_ENTRY:
            file = self._file(int(sample["background_entry"]))
            background = Picture(file, mirrored=bool(sample["background_mirrored"]))
            _require_one_shape(composite.size, background.size)
        return Pair(composite, background)

    def _file(self, row: int) -> Encoded:
        name = str(self.layout.entries.names[row])
        if is_unreadable(name):
            raise InputError(f"{name}: this format cannot be read; save it as JPEG or PNG")
        file = Encoded.read(self.layout, row)
        return file._replace(content=file.decoded(_as_shown)) if self.as_shown else file


def open_pairs(composite: Path, background: Path | None, source: Source) -> Pairs:
    """Find the composites at a path, and the background of each.

    Args:
        composite: a picture; a folder of pictures; or a zip that holds a dataset, of which neither
            masks nor depth are needed.
        background: a picture, the background of all; or a folder, whose pictures are called as the
            composites are. Of a zip, the folder or zip with its backgrounds if it lacks them.
        source: how a dataset is read, but for its files.

    Raises:
        InputError: there is nothing of the kind, or two composites would be called the same.
    """
    for path in filter(None, (composite, background)):
        if not path.exists():
            raise InputError(f"{path}: no such picture, folder or zip")
    if composite.suffix.lower() == ".zip":
        beside = None if background is None else str(background)
        files = {"files": (str(composite),), "backgrounds": beside}
        (layout,) = open_layouts(source.model_copy(update=files))
        return Pairs(layout, as_shown=False)
    return Pairs(_pair_files(composite, background), as_shown=True)


def open_picture(path: Path) -> Picture:
    """Open a single picture, to be read as viewers show it.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    return open_pairs(path, None, Source(files=(str(path),))).read(0).composite


def _pair_files(composite: Path, background: Path | None) -> Manifest:
    folders = [Folder(path) for path in (composite, background) if path is not None]
    found = dict(_pictures(folders[0]))
    if not found:
        raise InputError(f"{composite}: holds no picture")
    keys, rows = list(found), list(found.values())
    backgrounds = [NO_ENTRY] * len(keys)
    if background is not None:
        theirs, first = dict(_pictures(folders[1])), len(folders[0].names)
        if background.is_file():
            backgrounds = [first] * len(keys)
        else:
            backgrounds = [first + theirs[key] if key in theirs else NO_ENTRY for key in keys]
    samples = pd.DataFrame(
        {"key": keys, "background": "", "background_mirrored": False}
        | {f"{kind}_entry": NO_ENTRY for kind in KINDS}
    )
    return Manifest(
        name="files",
        entries=Entries(folders),
        samples=samples.assign(composite_entry=rows, background_entry=backgrounds),
        mask_threshold=MASK_THRESHOLD,
        depth_coding=DepthCoding(),
    )


def _pictures(folder: Folder) -> Iterator[tuple[str, int]]:
    """The name of each picture, without folder and ending, and its row."""
    known: dict[str, str] = {}
    names: Sequence[str] = folder.names.to_pylist()
    for row in sorted(range(len(names)), key=lambda row: is_unreadable(names[row])):
        name = names[row]
        path = PurePosixPath(name)
        inside = path.relative_to(path.parts[0]) if folder.path.is_dir() else path
        if folder.path.is_dir() and (not is_picture(path) or path.name[0] == "."):
            continue
        key = inside.with_suffix("").as_posix()
        if key in known and is_unreadable(name):
            continue  # cameras write a JPEG beside what they call raw
        if key in known:
            raise InputError(f"{folder.path}: {known[key]} and {name} differ in their ending only")
        known[key] = name
        yield key, row


def _require_one_shape(composite: Size, background: Size) -> None:
    """Make sure that the sides have one ratio, to within a pixel, as a dataset's have."""
    (height, width), (other_height, other_width) = composite, background
    if abs(height * other_width - width * other_height) > max(width, other_width):
        raise InputError(
            f"the composite is {width}x{height} px, but the background {other_width}x{other_height}"
            " px; both have to show the same field"
        )


def _as_shown(content: bytes) -> bytes:
    """A file whose pixels are what viewers show: itself, unless it is turned, or has 16 bits."""
    images.size_of(content)
    try:
        with Image.open(io.BytesIO(content)) as image:
            is_turned = image.getexif().get(ExifTags.Base.Orientation, 1) != 1
            is_deep = image.mode.startswith("I")
            if not is_turned and not is_deep:
                return content
            image.load()
            shown = ImageOps.exif_transpose(image)
    except (OSError, SyntaxError, ValueError, LookupError, EOFError) as error:
        raise ValueError(f"no readable image ({error})") from None
    if is_deep:
        shown = Image.fromarray((np.asarray(shown) >> 8).clip(0, 255).astype(np.uint8))
    plain = io.BytesIO()
    shown.convert("RGB").save(plain, "BMP")
    return plain.getvalue()
