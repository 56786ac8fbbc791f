"""The boundary of a mask, and what lies near it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

TOLERANCE = 0.008  # of the image's diagonal, as in the DAVIS benchmark


def tolerance(height: int, width: int) -> int:
    """Return how far two boundaries may lie apart and still agree, in whole pixels, at least 1.

    It is 0.8 % of the diagonal, rounded up (Perazzi et al. 2016, "A Benchmark Dataset and
    Evaluation Methodology for Video Object Segmentation").
    """
    return math.ceil(TOLERANCE * math.hypot(height, width))


def boundary(mask: Tensor, known: Tensor | None = None) -> Tensor:
    """Return the pixels of the object that have a neighbour outside of it.

    Neighbours are those above, below, left and right. Beyond the image's edge nothing is object; a
    pixel that is not known is neither outside nor boundary.

    Args:
        mask: (B, 1, H, W) bool.
        known: (B, 1, H, W) bool; None where every pixel is.

    Returns:
        (B, 1, H, W) bool.
    """
    inside = mask if known is None else mask | ~known
    above, below, left, right = (
        F.pad(inside, (1, 1, 1, 1))[..., rows, columns]
        for rows, columns in (
            (slice(None, -2), slice(1, -1)),
            (slice(2, None), slice(1, -1)),
            (slice(1, -1), slice(None, -2)),
            (slice(1, -1), slice(2, None)),
        )
    )
    found = mask & ~(above & below & left & right)
    return found if known is None else found & known


def near(pixels: Tensor, distance: int) -> Tensor:
    """Return what is at most ``distance`` away from some of ``pixels``, both (B, 1, H, W) bool."""
    offsets = torch.arange(-distance, distance + 1, device=pixels.device)
    disk = offsets.square() + offsets.square().unsqueeze(1) <= distance**2
    return F.conv2d(pixels.float(), disk[None, None].float(), padding=distance) > 0.5  # noqa: PLR2004 - a count
