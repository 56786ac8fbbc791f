"""One image of an archive: whether it can be read, and what it looks like."""

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
from bench.data import as_shown, images
from bench.data.layouts import KINDS, NO_ENTRY, Manifest
from bench.errors import InputError
from bench.settings.base import Size

SIDE = 64
"""Height and width in pixels at which images are compared with each other: JPEG's noise and a
pixel's shift are averaged out."""
PLAIN = 3
"""An image whose greys span no more is constant: JPEG leaves about so much of a plain surface."""


class State(StrEnum):
    """What became of reading an image."""

    READ = "read"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"


class FoundImage(NamedTuple):
    """An image as it was found.

    Attributes:
        state: what became of reading it; unless it was read, the rest may be empty.
        size: (height, width) of the file in pixels.
        mode: of the file: L, RGB, I;16 ...
        content: a digest of the file's bytes.
        unlike: why training would see something else than a viewer shows, see `as_shown`.
        pixels: (SIDE, SIDE, 3) uint8 of a background or composite; (H, W) of a mask or depth.
    """

    state: State
    size: Size = (0, 0)
    mode: str = ""
    content: int = 0
    unlike: str | None = None
    pixels: npt.NDArray[Any] | None = None


def read_image(layout: Manifest, kind: str, row: int) -> FoundImage:
    """The image at ``row`` of the layout's entries.

    An image whose header can be read and whose pixels cannot, or not in full, is truncated.
    """
    if row == NO_ENTRY:
        return FoundImage(State.MISSING)
    try:
        content = layout.entries.read(row)
        with Image.open(io.BytesIO(content)) as image:
            (width, height), mode = image.size, image.mode
    except (InputError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return FoundImage(State.UNREADABLE)
    digest = int.from_bytes(hashlib.blake2b(content, digest_size=8).digest())
    found = FoundImage(
        State.UNREADABLE, (height, width), mode, digest, as_shown.why_not(content, kind)
    )
    if height * width > images.MAX_IMAGE_PIXELS:
        return found
    try:
        return found._replace(state=State.READ, pixels=_pixels(layout, kind, content))
    except ValueError:
        return found._replace(state=State.TRUNCATED)


def _pixels(layout: Manifest, kind: str, content: bytes) -> npt.NDArray[np.uint8 | np.uint16]:
    if kind in {"background", "composite"}:
        return images.resize(images.decode_color(content), (SIDE, SIDE))
    if kind == "depth" and layout.depth_coding.colors == "plasma":
        return images.decode_plasma(content)
    return images.decode_grey(content)


def measure(kind: str, image: FoundImage) -> dict[str, object]:
    """The columns of one image; ``contrast`` is the span of its greys, NaN where unread."""
    pixels = image.pixels
    return {
        f"{kind}_state": image.state.value,
        f"{kind}_height": image.size[0],
        f"{kind}_width": image.size[1],
        f"{kind}_mode": image.mode,
        f"{kind}_content": np.uint64(image.content),
        f"{kind}_unlike": image.unlike or "",
        f"{kind}_contrast": np.nan if pixels is None else float(np.ptp(pixels, axis=(0, 1)).max()),
    }


def judge(table: pd.DataFrame) -> list[Finding]:
    """Images that cannot be read in full, that are read otherwise than shown, or show nothing."""
    findings = []
    for kind in KINDS:
        state, contrast = table[f"{kind}_state"], table[f"{kind}_contrast"]
        findings += [
            faulty_samples(
                f"unreadable {kind}",
                Severity.ERROR,
                table.loc[state == State.UNREADABLE, "key"],
                "damaged, no image, or far too large: fetch or make the archive anew, or leave "
                "the samples out",
            ),
            faulty_samples(
                f"truncated {kind}",
                Severity.ERROR,
                table.loc[state == State.TRUNCATED, "key"],
                "the header is sound, the pixels cannot be read in full: fetch or make the archive "
                "anew, or leave the samples out",
            ),
            *(
                faulty_samples(
                    f"{name} {kind}",
                    Severity.ERROR,
                    table.loc[table[f"{kind}_unlike"] == advice, "key"],
                    f"{advice}, or leave the samples out",
                )
                for name, advice in (("turned", as_shown.TURNED), ("16-bit", as_shown.DEEP))
            ),
        ]
        if kind not in {"mask", "unknown"}:  # empty or full: `masks` judges it, or it is sound
            findings.append(
                faulty_samples(
                    f"constant {kind}",
                    Severity.WARNING,
                    table.loc[contrast <= PLAIN, "key"],
                    f"the whole image is one grey or color (a span of at most {PLAIN} levels): "
                    "look at it, or leave the samples out",
                )
            )
    return [finding for finding in findings if finding.subjects]
