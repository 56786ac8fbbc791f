"""From datasets to one archive, by a writer that an interruption does not hurt."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bench.archives.convert.encode import ENDINGS, encode
from bench.archives.convert.files import select_files
from bench.archives.growing_folder import GrowingFolder
from bench.archives.growing_zip import GrowingZip
from bench.data.decode import Encoded
from bench.data.layouts import Manifest
from bench.data.sample_pool import SamplePool
from bench.errors import InputError

VERSION = 2
"""Changes whenever the same dataset gives another archive."""

CHUNK = 256  # files held at a time


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        samples: how many.
        copied: files whose bytes are those of the original.
        rewritten: images that were re-encoded.
        already_written: files that an interrupted run had written.
        left_out: the names of the files that no sample names.
    """

    samples: int
    copied: int
    rewritten: int
    already_written: int
    left_out: tuple[str, ...]


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
            else, or the datasets do not fit into one archive.
    """
    if out.exists():
        raise InputError(f"{out} exists already")
    _require_apart(out, layouts)
    kinds = SamplePool(list(layouts)).kinds  # refuses samples that do not belong together
    coding = _depth_coding(layouts) if "depth" in kinds else None
    contents = select_files(layouts, kinds)
    table = contents.samples.to_csv(index=False, lineterminator="\n").encode()
    record = ("dataset.json", _description(layouts, coding, table))
    growing = GrowingZip if out.suffix.lower() == ".zip" else GrowingFolder
    done = dict.fromkeys(("copied", "rewritten", "already_written"), 0)
    try:
        with growing(out, record) as archive, ThreadPoolExecutor(os.cpu_count()) as workers:
            while chunk := list(islice(contents.files, CHUNK)):
                missing = [f for f in chunk if not any(f.name + e in archive for e in ENDINGS)]
                done["already_written"] += len(chunk) - len(missing)
                for file, (ending, content, how) in zip(
                    missing, workers.map(encode, missing), strict=True
                ):
                    archive.write(file.name + ending, content)
                    done[how] += 1
                on_progress(sum(done.values()), contents.total)
            if "samples.csv" not in archive:
                archive.write("samples.csv", table)
            archive.finish()
    except OSError as error:
        raise InputError(
            f"{out}: cannot be written: {error.strerror}; once that is mended, the same command "
            "goes on from there"
        ) from None
    return Converted(len(contents.samples), **done, left_out=contents.left_out)


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
