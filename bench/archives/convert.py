"""Write any dataset in the canonical layout, without packing its images anew.

The bytes of JPEG and PNG images are copied. Only what the layout cannot say of an image is put
into it, as a PNG that loses nothing: the mirror image of a background, depth that was painted in
colors or stands in a frame, a mask that was cut at another threshold, and other kinds of files.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import simplejpeg
from PIL import Image

from bench.archives.growing_folder import GrowingFolder
from bench.archives.growing_zip import GrowingZip
from bench.archives.paste.samples import mirrored_id
from bench.data import images
from bench.data.decode import Encoded, decode_color, decode_mask, read_depth_codes
from bench.data.layouts import KINDS, Manifest
from bench.data.sample_pool import SamplePool
from bench.errors import InputError

VERSION = 1
"""Changes whenever the same dataset gives another archive."""

_CHUNK = 256  # images held at a time
_MASK_THRESHOLD = 127  # at which an archive that says nothing is read
_PLACE = (*(f"{kind}_entry" for kind in KINDS), "background_mirrored")
_ENDINGS = (".jpg", ".png")
_PNG = b"\x89PNG\r\n\x1a\n"
# An empty part, one that leads out of the folder, and signs that a name cannot have.
_NO_NAME = r"(?:^|/)\.{0,2}(?:/|$)|[\x00-\x1f\\]"


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        samples: how many.
        copied: images whose bytes are those of the original.
        rewritten: images that were packed anew.
        there: images that an interrupted run had written.
    """

    samples: int
    copied: int
    rewritten: int
    there: int


class _Image(NamedTuple):
    """An image to write.

    Attributes:
        name: of the entry to write, less its ending.
        kind: one of `bench.data.layouts.KINDS`.
        layout, row: where it stands.
        mirrored: whether its mirror image is meant.
    """

    name: str
    kind: str
    layout: Manifest
    row: int
    mirrored: bool

    def checksum(self) -> tuple[int, int]:
        """The size in bytes, and the CRC-32, of the file as it stands there."""
        return self.layout.entries.checksum(self.row)


def convert(
    out: Path, layouts: Sequence[Manifest], on_progress: Callable[[int, int], None]
) -> Converted:
    """Write the datasets as one, in the canonical layout.

    Interrupted, it leaves ``<out>.partial``, and called again with the same datasets goes on from
    there; the result is the same to the byte. Decoded at any size, the images are those of the
    original to the bit; only masks cut at another threshold than the usual 127 agree at their own
    size alone.

    Args:
        out: appears at the end, at once: a zip if its name ends so, else a folder.
        layouts: the datasets.
        on_progress: called with the numbers of images done and to do.

    Raises:
        InputError: ``out`` exists or cannot be written, the partial file was begun with something
            else, or the datasets cannot stand in one archive.
    """
    if out.exists():
        raise InputError(f"{out} exists already")
    _require_apart(out, layouts)
    kinds = SamplePool(list(layouts)).kinds  # refuses samples that do not belong together
    coding = _depth_coding(layouts) if "depth" in kinds else None
    samples = _samples(layouts)
    _require_names(samples, kinds)
    places = _places(layouts, samples)
    backgrounds = _backgrounds(layouts, places) if "background" in kinds else []
    others = [kind for kind in kinds if kind != "background"]
    images = chain(backgrounds, _images_of_samples(layouts, others, places))
    total = len(backgrounds) + len(samples) * len(others)
    table = samples.to_csv(index=False, lineterminator="\n").encode()
    record = ("dataset.json", _description(layouts, coding, table))
    growing = GrowingZip if out.suffix.lower() == ".zip" else GrowingFolder
    done = dict.fromkeys(("copied", "rewritten", "there"), 0)
    try:
        with growing(out, record) as archive, ThreadPoolExecutor(os.cpu_count()) as workers:
            while chunk := list(islice(images, _CHUNK)):
                missing = [p for p in chunk if not any(p.name + e in archive for e in _ENDINGS)]
                done["there"] += len(chunk) - len(missing)
                for image, (ending, content, how) in zip(
                    missing, workers.map(_encoded, missing), strict=True
                ):
                    archive.write(image.name + ending, content)
                    done[how] += 1
                on_progress(sum(done.values()), total)
            if "samples.csv" not in archive:
                archive.write("samples.csv", table)
            archive.finish()
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written: {error.strerror}; once that is mended, the same command "
            "goes on from there"
        ) from None
    return Converted(len(samples), **done)


def _require_apart(out: Path, layouts: Sequence[Manifest]) -> None:
    for layout in layouts:
        for container in layout.entries.containers:
            if container.path.is_dir() and out.resolve().is_relative_to(container.path.resolve()):
                raise InputError(f"{out}: lies in {container.path}, which is to be converted")


def _depth_coding(layouts: Sequence[Manifest]) -> dict[str, Any]:
    """How the depth of all datasets is coded once it is written, as ``dataset.json`` says it.

    Raises:
        InputError: they differ, or a crop gives depth another shape than its composite has.
    """
    for layout in layouts:
        _require_fitting_crop(layout)
    codings = [layout.depth_coding.model_dump(exclude={"colors", "crop"}) for layout in layouts]
    for layout, coding in zip(layouts, codings, strict=True):
        if coding != codings[0]:
            raise InputError(
                f"{layout.entries.paths} codes depth as {coding}, but {layouts[0].entries.paths} "
                f"as {codings[0]}; convert them one by one"
            )
    return codings[0]


def _require_fitting_crop(layout: Manifest) -> None:
    if layout.depth_coding.crop is None:
        return
    top, left, bottom, right = layout.depth_coding.crop
    composite = Encoded.read(layout, int(layout.samples["composite_entry"].iloc[0]))
    height, width = composite.size
    # To within a pixel, as `bench.data.sample_pool` has it.
    if abs((bottom - top) * width - (right - left) * height) > max(width, right - left):
        raise InputError(
            f"{layout.entries.paths}: depth.crop leaves {bottom - top}x{right - left} px, another "
            f"shape than the {height}x{width} px of the composites; the canonical layout cannot "
            "say that it is to be stretched"
        )


def _samples(layouts: Sequence[Manifest]) -> pd.DataFrame:
    """``samples.csv`` of all datasets: key, background, and the further columns.

    The mirror image of a background becomes a background of its own. ``scene`` then tells that the
    two show the same place, unless the dataset has such a column already.
    """
    samples = pd.concat([layout.samples for layout in layouts], ignore_index=True)
    mirrored = samples["background_mirrored"].astype(bool)
    samples = samples.drop(columns=list(_PLACE))
    if mirrored.any():
        if "scene" not in samples:
            samples["scene"] = samples["background"]
        twins = samples["background"].map(mirrored_id)
        samples["background"] = samples["background"].where(~mirrored, twins)
    return samples


def _places(layouts: Sequence[Manifest], samples: pd.DataFrame) -> pd.DataFrame:
    """Where the samples' images stand: of a `Manifest` the columns `_PLACE`, and its number."""
    places = pd.concat(
        [layout.samples[list(_PLACE)].assign(source=n) for n, layout in enumerate(layouts)],
        ignore_index=True,
    )
    return places.assign(key=samples["key"], background=samples["background"])


def _require_names(samples: pd.DataFrame, kinds: tuple[str, ...]) -> None:
    for column in ("key", "background") if "background" in kinds else ("key",):
        wrong = samples.loc[samples[column].str.contains(_NO_NAME), column]
        if len(wrong):
            raise InputError(f"the {column} {wrong.iloc[0]!r} cannot name a file; rename it")


def _backgrounds(layouts: Sequence[Manifest], places: pd.DataFrame) -> list[_Image]:
    """The backgrounds, each id once.

    Raises:
        InputError: an id stands for two images whose bytes differ.
    """
    columns = ["background", "source", "background_entry", "background_mirrored"]
    found: dict[str, _Image] = {}
    for name, source, row, mirrored in places[columns].drop_duplicates().to_numpy().tolist():
        one = _Image(f"background/{name}", "background", layouts[source], row, mirrored)
        other = found.setdefault(one.name, one)
        if one.mirrored != other.mirrored or (
            one is not other and one.checksum() != other.checksum()
        ):
            raise InputError(
                f"{other.layout.entries.where(other.row)} and {one.layout.entries.where(row)} "
                f"differ, but would both be the background {name}; convert them one by one"
            )
    return list(found.values())


def _images_of_samples(
    layouts: Sequence[Manifest], kinds: Sequence[str], places: pd.DataFrame
) -> Iterator[_Image]:
    """The other images of the samples, in their order."""
    entries = [places[f"{kind}_entry"] for kind in kinds]
    for key, source, *rows in zip(places["key"], places["source"], *entries, strict=True):
        for kind, row in zip(kinds, rows, strict=True):
            yield _Image(f"{kind}/{key}", kind, layouts[source], row, mirrored=False)


def _encoded(image: _Image) -> tuple[str, bytes, str]:
    """The ending of the image's name, the bytes to write, and how they came to be."""
    read = Encoded.read(image.layout, image.row)
    pixels = _rewritten(image, read)
    if pixels is not None:
        return ".png", _png(pixels), "rewritten"
    read.size  # noqa: B018 - refuses what is no image
    return ".jpg" if simplejpeg.is_jpeg(read.content) else ".png", read.content, "copied"


def _rewritten(image: _Image, read: Encoded) -> npt.NDArray[Any] | None:
    """The pixels of an image that cannot be copied; None for one that can."""
    coding, threshold = image.layout.depth_coding, image.layout.mask_threshold
    foreign = not (simplejpeg.is_jpeg(read.content) or read.content.startswith(_PNG))
    match image.kind:
        case "mask" if threshold != _MASK_THRESHOLD:
            return decode_mask(read, read.size) * np.uint8(255)
        case "mask" if foreign:
            return read.decoded(images.decode_grey)
        case "depth" if foreign or coding.crop is not None or coding.colors != "grey":
            return read_depth_codes(read)
        case "background" | "composite" if foreign or image.mirrored:
            return decode_color(read, read.size, mirrored=image.mirrored)
    return None


def _png(pixels: npt.NDArray[Any]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(content, "PNG", compress_level=3)
    return content.getvalue()


def _description(layouts: Sequence[Manifest], coding: dict[str, Any] | None, table: bytes) -> bytes:
    """``dataset.json``, with all that the archive depends on: only the same command resumes it."""
    digest = hashlib.sha256(table)
    for layout in layouts:
        digest.update(layout.entries.fingerprint.encode())
        digest.update(layout.depth_coding.model_dump_json().encode())
    description: dict[str, Any] = {
        "format": 1,
        **({"depth": coding} if coding else {}),
        "converted": {
            "version": VERSION,
            "from": [
                {
                    "layout": layout.name,
                    "files": [container.path.name for container in layout.entries.containers],
                    "mask_threshold": layout.mask_threshold,
                }
                for layout in layouts
            ],
            "sha256": digest.hexdigest(),
        },
    }
    return (json.dumps(description, indent=1) + "\n").encode()
