"""Masks, depth and their errors as small image files that stand in the page itself."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.colors import plasma
from bench.settings.base import Size
from bench.study.kept_images import MIDDLE, TOP, Pixels

Known = npt.NDArray[np.bool_]
UNKNOWN = (112, 128, 144)  # where the truth is not known, in all pictures
# Of a predicted mask: rightly none of the object, rightly of it, missed, wrongly of it.
RIGHT, FOUND, MISSED, FALSE = (0, 0, 0), (214, 214, 214), (86, 180, 233), (230, 159, 0)
DEPTH_GAIN = 2  # an error of the depth by half of its range, or more, is white
STEP = 2  # levels in one shade: finer ones cannot be told apart, and take more room


class Drawer:
    """Draws maps at one size, that of the samples or a smaller one.

    Args:
        size: (height, width) in pixels.
    """

    def __init__(self, size: Size) -> None:
        self.size = size

    def photo(self, pixels: Pixels) -> str:
        """Return an image in color, (H, W, 3) uint8, as a data URI."""
        file = io.BytesIO()
        self._smaller(Image.fromarray(pixels), Image.Resampling.BOX).save(file, "JPEG", quality=88)
        return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"

    def mask(self, levels: Pixels, known: Known | None = None) -> str:
        """Return a mask, (H, W) uint8 from 0 to 255, in shades of grey."""
        return self._painted(levels, known, _greys())

    def mask_error(self, predicted: Pixels, target: Pixels, known: Known | None) -> str:
        """Return where a predicted mask is wrong, and how."""
        kinds = 1 * (target > MIDDLE) + 2 * ((predicted > MIDDLE) != (target > MIDDLE))
        # 0: none in both, 1: object in both, 2: object in the prediction alone, 3: in the truth.
        shown = kinds if known is None else np.where(known, kinds, 4)
        colors = [RIGHT, FOUND, FALSE, MISSED, UNKNOWN]
        image = Image.fromarray(shown.astype(np.uint8))
        shown = np.asarray(self._smaller(image, Image.Resampling.NEAREST))
        return _png(shown, np.array(colors, np.uint8))

    def depth(self, levels: Pixels, known: Known | None = None) -> str:
        """Return depth, (H, W) uint8 from 0 near to 255 far, from dark to bright."""
        return self._painted(levels, known, plasma())

    def depth_error(self, predicted: Pixels, target: Pixels, known: Known | None) -> str:
        """Return by how much a predicted depth is off: black is right."""
        off = np.abs(predicted.astype(np.int16) - target)
        return self._painted((DEPTH_GAIN * off).clip(0, TOP).astype(np.uint8), known, _greys())

    def _painted(self, levels: Pixels, known: Known | None, colors: Pixels) -> str:
        """Levels in the colors of a map, of which the last one gives way to what is not known."""
        image = self._smaller(Image.fromarray(levels), Image.Resampling.BOX)
        shades, colors = np.asarray(image) // STEP, colors[::STEP]
        if known is not None:
            where = self._smaller(Image.fromarray(known), Image.Resampling.NEAREST)
            last = len(colors) - 1
            shades = np.where(np.asarray(where), np.minimum(shades, last - 1), last)
            colors = np.vstack([colors[:-1], UNKNOWN])
        return _png(shades, colors)

    def _smaller(self, image: Image.Image, how: Image.Resampling) -> Image.Image:
        height, width = self.size
        return image if image.size == (width, height) else image.resize((width, height), how)


def fitting(size: Size, count: int, pixels: int) -> Size:
    """Return the size of images, at most their own, at which so many have no more pixels."""
    height, width = size
    factor = min(1.0, math.sqrt(pixels / max(1, count * height * width)))
    return max(1, int(height * factor)), max(1, int(width * factor))


def _greys() -> Pixels:
    return np.repeat(np.arange(TOP + 1, dtype=np.uint8)[:, None], 3, axis=1)


def _png(levels: Pixels, colors: Pixels) -> str:
    """An image of whole numbers that stand for colors, as a data URI; of these only what it has."""
    used, places = np.unique(levels, return_inverse=True)
    image = Image.fromarray(places.reshape(levels.shape).astype(np.uint8))
    image.putpalette(colors[used].astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
