"""Samples at one size, as whoever trains or scores sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from bench.settings.base import Size


class Images(Protocol):
    """Images by row: an array on the disk, or one that is decoded when it is indexed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many there are, and the shape of one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of their values."""

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """The images of these rows."""


@dataclass(frozen=True)
class Dataset:
    """Every sample of the archives, decoded at one size (H, W).

    Attributes:
        samples: one row a sample: ``key``, ``background`` and the archive's further columns.
        size: (height, width).
        background_rows: (N,) the row of `backgrounds` under each sample.
        backgrounds: (K, H, W, 3) uint8, each background once; None where the archives have none.
        composites: (N, H, W, 3) uint8.
        masks: (N, H, W) uint8 in {0, 1}; None where the archives have none.
        depths: (N, H, W) uint8 or uint16; 0 is near, the type's greatest value far; None where the
            archives have none.
        depth_valid: (N, H, W) uint8 in {0, 1}; None where every pixel has a reading.
        mask_valid: (N, H, W) uint8 in {0, 1}; None where every pixel's mask is known.
        fingerprint: a digest of the archives' contents, and of how they are read if that is not as
            the archives say themselves.
        streamed: whether images are decoded each time that they are indexed.
    """

    samples: pd.DataFrame
    size: Size
    background_rows: npt.NDArray[np.int64]
    backgrounds: Images | None
    composites: Images
    masks: Images | None
    depths: Images | None
    depth_valid: Images | None
    mask_valid: Images | None
    fingerprint: str
    streamed: bool = False

    @property
    def keys(self) -> npt.NDArray[np.str_]:
        """(N,) the samples' keys."""
        return self.samples["key"].to_numpy(dtype=str)

    @property
    def depth_maximum(self) -> int:
        """The coded depth that means 1."""
        return 1 if self.depths is None else int(np.iinfo(self.depths.dtype).max)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Which of mask and depth the archives have."""
        there = {"mask": self.masks, "depth": self.depths}
        return tuple(task for task, images in there.items() if images is not None)
