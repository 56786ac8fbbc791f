"""What was predicted of a picture, as image files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from bench.colors import plasma
from bench.data.images import Pixels
from bench.errors import InputError
from bench.inference.pictures import Pair
from bench.inference.predictor import Map, PredictedMaps

KINDS = ("mask", "depth", "depth_colored", "side_by_side")
PANEL_SIDE = (256, 640)  # px: the longer side of a panel is brought to between these
GAP, CAPTION_HEIGHT, FONT_SIZE, MIN_COLUMN = 8, 26, 16, 156  # px
PAPER, INK = (255, 255, 255), (40, 40, 40)


def files_of(folder: Path, key: str) -> dict[str, Path]:
    """Return where the images of a key lie, by their kind: ``<folder>/mask/<key>.png``.

    Raises:
        InputError: the key would lead out of the folder, or is no name of a file.
    """
    if ".." in Path(key).parts or Path(key).is_absolute() or not key.isprintable():
        raise InputError("is no name that a file can have")
    return {kind: folder / kind / f"{key}.png" for kind in KINDS}


def draw(pair: Pair, maps: PredictedMaps) -> Iterator[tuple[str, bytes]]:
    """Give the kind and the content, PNG, of each image of a prediction.

    ``mask`` has 8 bits, the probability of the object: above 127 it is one. ``depth`` has 16, from
    0 near to 65535 far, and ``depth_colored`` shows it from dark to bright.
    """
    panels = {} if pair.background is None else {"background": pair.background}
    pixels = {name: picture.at(picture.size) for name, picture in panels.items()}
    pixels["composite"] = pair.composite.at(pair.composite.size)
    if maps.mask is not None:
        pixels["mask"] = _levels(maps.mask, np.uint8)
        yield "mask", _png(pixels["mask"])
    if maps.depth is not None:
        yield "depth", _png(_levels(maps.depth, np.uint16))
        pixels["depth (dark is near)"] = plasma()[_levels(maps.depth, np.uint8)]
        yield "depth_colored", _png(pixels["depth (dark is near)"])
    yield "side_by_side", _png(_side_by_side(pixels))


def _levels(shares: Map, kind: type[np.uint8 | np.uint16]) -> npt.NDArray[Any]:
    """Numbers in [0, 1] as whole ones from 0 to the greatest of their kind."""
    return np.rint(shares * np.iinfo(kind).max).astype(kind)


def _side_by_side(pixels: dict[str, Pixels]) -> Pixels:
    """The images in a row, each under its name, all at the size of the composite's panel."""
    height, width = pixels["composite"].shape[:2]
    longer = max(height, width)
    scale = np.clip(longer, *PANEL_SIDE) / longer
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    column = max(width, MIN_COLUMN) + GAP
    sheet = Image.new("RGB", (len(pixels) * column + GAP, height + CAPTION_HEIGHT + GAP), PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE)
    left = GAP
    for name, image in pixels.items():
        pen.text((left, GAP // 2), name, INK, font)
        panel = Image.fromarray(image).convert("RGB").resize((width, height))
        sheet.paste(panel, (left, CAPTION_HEIGHT))
        left += column
    return np.asarray(sheet)


def _png(pixels: npt.NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
