"""Where an object is in the frame and how large: the recipes, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Scale = tuple[float, float]
"""The least and the greatest longer side of an object, as shares of the frame's side."""

_PERSPECTIVE_SCALE = (0.3, 0.6)


@dataclass(frozen=True)
class Placement:
    """The rectangle that an object's image fills [px]; it may reach beyond the frame.

    Attributes:
        left: the frame's column of the rectangle's first.
        top: the frame's row of the rectangle's first.
        height: how many rows the object is scaled to.
        width: how many columns the object is scaled to.
    """

    left: int
    top: int
    height: int
    width: int


Recipe = Callable[[np.random.Generator, tuple[int, int], int, Scale | None], Placement]
"""Draws a place: (random numbers, the object's (height, width), the frame's side, scale)."""


def uniform(
    rng: np.random.Generator, shape: tuple[int, int], frame: int, scale: Scale | None
) -> Placement:
    """Anywhere inside the frame; the object keeps its size unless a scale is asked for."""
    longer = max(shape) if scale is None else frame * rng.uniform(*scale)
    height, width = _scaled(shape, longer)
    return Placement(
        left=int(rng.integers(0, frame - width, endpoint=True)),
        top=int(rng.integers(0, frame - height, endpoint=True)),
        height=height,
        width=width,
    )


def perspective(
    rng: np.random.Generator, shape: tuple[int, int], frame: int, scale: Scale | None
) -> Placement:
    """The centre anywhere in the frame, which may cut the object; the lower, the larger.

    The longer side grows linearly with the centre's row, by default from 0.3 of the frame's side
    at its top to 0.6 at its bottom.
    """
    low, high = scale or _PERSPECTIVE_SCALE
    column, row = rng.uniform(0, 1, 2)
    height, width = _scaled(shape, frame * (low + (high - low) * row))
    return Placement(
        left=round(frame * column - width / 2),
        top=round(frame * row - height / 2),
        height=height,
        width=width,
    )


RECIPES: dict[str, Recipe] = {"uniform": uniform, "perspective": perspective}


def _scaled(shape: tuple[int, int], longer_px: float) -> tuple[int, int]:
    factor = longer_px / max(shape)
    height, width = (max(1, round(side * factor)) for side in shape)
    return height, width
