"""A contact sheet: some samples drawn at random, a row each, to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from bench.data.decode import DepthMap, Encoded, Mask, decode_color, decode_depth, decode_mask
from bench.data.images import Pixels
from bench.data.layouts import KINDS, Manifest
from bench.data.sample_pool import SamplePool
from bench.settings.base import Size

SAMPLES = 12
CELL = 160  # height and width in pixels that an image is fitted into
GAP = 6
TEXT_WIDTH = 190  # of the column of keys
TITLE_HEIGHT = 26
NO_READING = (30, 60, 160)
LEGEND = {
    "unknown": "mask: blue unknown",
    "depth": "depth: black is near, white far, blue no reading",
}
FONT_SIZE = 13


def draw(layouts: Sequence[Manifest], seed: int) -> Image.Image:
    """The sheet, RGB: of `SAMPLES` samples the key, their images, and what differs.

    What a dataset has not at all gets no column. Images are fitted into the cells as they are;
    depth is black near and white far. Where depth has no reading, or the mask is not known, they
    are `NO_READING`.

    Args:
        layouts: the datasets.
        seed: of the draw, which does not depend on the order of the samples.

    Raises:
        InputError: a sample lacks a partner, or an image is damaged.
    """
    kinds = SamplePool(list(layouts)).kinds  # refuses samples that do not belong together
    titles = [kind for kind in kinds if kind != "unknown"]  # the mask shows it
    titles += ["|composite - background|"] if "background" in kinds else []
    legend = "; ".join(text for kind, text in LEGEND.items() if kind in kinds)
    drawn = _drawn(layouts, seed)
    width = TEXT_WIDTH + len(titles) * (CELL + GAP)
    height = TITLE_HEIGHT + len(drawn) * (CELL + GAP)
    sheet = Image.new("RGB", (width, height + (TITLE_HEIGHT if legend else 0)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(FONT_SIZE)
    draw.text((width - GAP, height + TITLE_HEIGHT // 2), legend, "black", font, anchor="rm")
    for column, title in enumerate(titles):
        place = (_left(column) + CELL // 2, TITLE_HEIGHT // 2)
        draw.text(place, title, "black", font, anchor="mm")
    for number, (layout, sample) in enumerate(drawn):
        top = TITLE_HEIGHT + number * (CELL + GAP)
        _write(draw, (GAP, top), [sample.key, *_where(sample, kinds)])
        for column, pixels in enumerate(_images(layout, sample, kinds)):
            spare = CELL - pixels.shape[1], CELL - pixels.shape[0]
            place = (_left(column) + spare[0] // 2, top + spare[1] // 2)
            sheet.paste(Image.fromarray(pixels), place)
    return sheet


def _left(column: int) -> int:
    return TEXT_WIDTH + column * (CELL + GAP)


def _drawn(layouts: Sequence[Manifest], seed: int) -> list[tuple[Manifest, Any]]:
    """Samples, each with the dataset it is of, in the order of their keys."""
    keys = pd.concat([layout.samples["key"] for layout in layouts], ignore_index=True)
    by_key = np.argsort(keys.to_numpy(dtype=str), kind="stable")
    chosen = np.random.default_rng(seed).permutation(len(keys))[:SAMPLES]
    ends = np.cumsum([len(layout.samples) for layout in layouts])
    drawn = []
    for row in by_key[np.sort(chosen)].tolist():
        number = int(np.searchsorted(ends, row, side="right"))
        layout = layouts[number]
        start = int(ends[number]) - len(layout.samples)
        drawn.append((layout, next(layout.samples.iloc[[row - start]].itertuples())))
    return drawn


def _where(sample: Any, kinds: Sequence[str]) -> list[str]:
    if "background" not in kinds:
        return []
    return [f"on {sample.background}", *(["mirrored"] if sample.background_mirrored else [])]


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], lines: Sequence[str]) -> None:
    """Lines of text within the column of keys, broken anywhere."""
    font = ImageFont.load_default(FONT_SIZE)
    broken = []
    for line in lines:
        rest = line
        while rest:
            length = len(rest)
            while length > 1 and font.getlength(rest[:length]) > TEXT_WIDTH - 2 * GAP:
                length -= 1
            broken.append(rest[:length])
            rest = rest[length:]
    draw.multiline_text(place, "\n".join(broken), "black", font)


def _images(layout: Manifest, sample: Any, kinds: Sequence[str]) -> list[Pixels]:
    """The images of a sample in the order of the columns, (h, w, 3) uint8 each."""
    read = {
        kind: Encoded.read(layout, getattr(sample, f"{kind}_entry"))
        for kind in KINDS
        if kind in kinds
    }
    size = _fitted(read["composite"].size)
    found = {"composite": decode_color(read["composite"], size)}
    if "background" in read:
        mirrored = bool(sample.background_mirrored)
        found["background"] = decode_color(read["background"], size, mirrored=mirrored)
    if "mask" in read:
        found["mask"] = _mask(decode_mask(read["mask"], size, read.get("unknown")))
    if "depth" in read:
        found["depth"] = _depth(decode_depth(read["depth"], size))
    shown = [found[kind] for kind in kinds if kind in found]
    if "background" in found:
        difference = found["composite"].astype(np.int16) - found["background"]
        shown.append(np.abs(difference).astype(np.uint8))
    return shown


def _fitted(size: Size) -> Size:
    """The size with the greater side made `CELL`."""
    height, width = size
    scale = CELL / max(size)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _grey(pixels: Pixels) -> Pixels:
    return np.repeat(pixels[..., None], 3, axis=-1)


def _mask(mask: Mask) -> Pixels:
    pixels = _grey(mask.object * np.uint8(255))
    pixels[~mask.valid] = NO_READING
    return pixels


def _depth(depth: DepthMap) -> Pixels:
    pixels = _grey(np.rint(depth.depth * 255).astype(np.uint8))
    pixels[~depth.valid] = NO_READING
    return pixels
