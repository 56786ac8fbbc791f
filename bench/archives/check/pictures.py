"""One picture of an archive: whether it can be read, and what it looks like."""

from __future__ import annotations

import hashlib
import io
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from bench.archives.check.finding import Finding, Severity, faulty_samples
from bench.data import images
from bench.data.images import Size
from bench.data.layouts import KINDS, NO_ENTRY, Layout
from bench.errors import InputError

SIDE = 64
"""Height and width in pixels at which pictures are compared with each other: JPEG's noise and a
pixel's shift are averaged out."""
PLAIN = 3
"""A picture whose greys span no more is constant: JPEG leaves about so much of a plain surface."""


class State(StrEnum):
    """What became of reading a picture."""

    READ = "read"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"


class Picture(NamedTuple):
    """A picture as it was found.

    Attributes:
        state: what became of reading it; unless it was read, the rest may be empty.
        size: (height, width) of the file in pixels.
        mode: of the file: L, RGB, I;16 ...
        content: a digest of the file's bytes.
        pixels: (SIDE, SIDE, 3) uint8 of a background or composite; (H, W) of a mask or depth.
    """

    state: State
    size: Size = (0, 0)
    mode: str = ""
    content: int = 0
    pixels: npt.NDArray[Any] | None = None


def read_picture(layout: Layout, kind: str, row: int) -> Picture:
    """The picture at ``row`` of the layout's entries.

    A picture whose header can be read and whose pixels cannot, or not in full, is truncated.
    """
    if row == NO_ENTRY:
        return Picture(State.MISSING)
    try:
        content = layout.entries.read(row)
        with Image.open(io.BytesIO(content)) as image:
            (width, height), mode = image.size, image.mode
    except (InputError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return Picture(State.UNREADABLE)
    digest = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
    found = Picture(State.UNREADABLE, (height, width), mode, digest)
    if height * width > images.LARGEST_PICTURE:
        return found
    try:
        return found._replace(state=State.READ, pixels=_pixels(layout, kind, content))
    except ValueError:
        return found._replace(state=State.TRUNCATED)


def _pixels(layout: Layout, kind: str, content: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    if kind in {"background", "composite"}:
        return images.resize(images.decode_color(content), (SIDE, SIDE))
    if kind == "depth" and layout.depth_coding.colors == "plasma":
        return images.decode_plasma(content)
    return images.decode_grey(content)


def measured(kind: str, picture: Picture) -> dict[str, object]:
    """The columns of one picture; ``contrast`` is the span of its greys, NaN where unread."""
    pixels = picture.pixels
    return {
        f"{kind}_state": picture.state.value,
        f"{kind}_height": picture.size[0],
        f"{kind}_width": picture.size[1],
        f"{kind}_mode": picture.mode,
        f"{kind}_content": np.uint64(picture.content),
        f"{kind}_contrast": np.nan if pixels is None else float(np.ptp(pixels, axis=(0, 1)).max()),
    }


def judged(table: pd.DataFrame) -> list[Finding]:
    """Pictures that cannot be read, cannot be read in full, or show nothing."""
    findings = []
    for kind in KINDS:
        state, contrast = table[f"{kind}_state"], table[f"{kind}_contrast"]
        findings += [
            faulty_samples(
                f"unreadable {kind}",
                Severity.ERROR,
                table.loc[state == State.UNREADABLE, "key"],
                "damaged, no picture, or far too large: fetch or make the archive anew, or leave "
                "the samples out",
            ),
            faulty_samples(
                f"truncated {kind}",
                Severity.ERROR,
                table.loc[state == State.TRUNCATED, "key"],
                "the header is sound, the pixels cannot be read in full: fetch or make the archive "
                "anew, or leave the samples out",
            ),
        ]
        if kind != "mask":  # one of one grey is empty or full, which `masks` judges
            findings.append(
                faulty_samples(
                    f"constant {kind}",
                    Severity.WARNING,
                    table.loc[contrast <= PLAIN, "key"],
                    f"the whole picture is one grey or colour (a span of at most {PLAIN} levels): "
                    "look at it, or leave the samples out",
                )
            )
    return [finding for finding in findings if finding.subjects]
