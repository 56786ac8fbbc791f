"""Blend an object into a background, and tell exactly where it is seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.archives.paste.placement import Placement
from bench.data.images import Pixels

ALPHA_THRESHOLD = 127  # what is half opaque or more is object


def scaled(cutout: Pixels, placement: Placement) -> Pixels:
    """A cut-out (h, w, 4) at the size of its placement; colors do not bleed from clear pixels."""
    if cutout.shape[:2] == (placement.height, placement.width):
        return cutout
    # Pillow weighs the colors of RGBA by their alpha while it resizes.
    resized = Image.fromarray(cutout).resize(
        (placement.width, placement.height), Image.Resampling.BILINEAR
    )
    return np.asarray(resized)


def paste(
    background: Pixels, cutout: Pixels, left: int, top: int
) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """Blend by alpha, in the images' own gamma-coded values, rounded to the nearest.

    Args:
        background: (H, W, 3) uint8.
        cutout: (h, w, 4) uint8 with straight alpha.
        left: the background's column of the cut-out's first; what lies outside is cut off.
        top: the background's row of the cut-out's first, likewise.

    Returns:
        The composite (H, W, 3) uint8 and the mask (H, W) bool: alpha above 127 of 255.
    """
    height, width = background.shape[:2]
    rows = slice(max(top, 0), min(top + cutout.shape[0], height))
    columns = slice(max(left, 0), min(left + cutout.shape[1], width))
    seen = cutout[
        rows.start - top : rows.stop - top, columns.start - left : columns.stop - left
    ].astype(np.uint16)
    color, alpha = seen[..., :3], seen[..., 3:]
    composite = background.copy()
    behind = composite[rows, columns]
    composite[rows, columns] = (color * alpha + behind * (255 - alpha) + 127) // 255
    mask = np.zeros((height, width), np.bool_)
    mask[rows, columns] = alpha[..., 0] > ALPHA_THRESHOLD
    return composite, mask
