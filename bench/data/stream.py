"""Images that are decoded each time they are asked for, where there is no room to keep them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data.dataset import Dataset
from bench.data.sample_pool import SamplePool
from bench.settings.base import Size


class StreamedImages:
    """Images that are decoded when they are indexed, on all cores.

    Args:
        count: how many there are.
        image_shape: of one of them.
        dtype: of their values.
        decode: gives the image of a row.
        workers: the threads to share.
    """

    def __init__(
        self,
        count: int,
        image_shape: tuple[int, ...],
        dtype: Any,
        decode: Callable[[int], npt.NDArray[Any]],
        workers: ThreadPoolExecutor,
    ) -> None:
        self.shape = (count, *image_shape)
        self.dtype = np.dtype(dtype)
        self._decode = decode
        self._workers = workers

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        wanted = np.arange(self.shape[0])[rows]
        if wanted.ndim == 0:
            return self._decode(int(wanted)).astype(self.dtype, copy=False)
        found = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        for place, image in enumerate(self._workers.map(self._decode, wanted.tolist())):
            found[place] = image
        return found


def stream(pool: SamplePool, size: Size, fingerprint: str) -> Dataset:
    """The pool's samples at ``size``, decoded at every access; memory does not grow with them."""
    workers = ThreadPoolExecutor(os.cpu_count())
    count = len(pool.samples)
    images = partial(StreamedImages, workers=workers)

    def depth(row: int) -> npt.NDArray[Any]:
        return pool.coded_depth(pool.depth(row, size).depth)

    there = {kind: kind in pool.kinds for kind in ("background", "mask", "depth", "unknown")}
    return Dataset(
        samples=pool.samples,
        size=size,
        background_rows=pool.background_rows,
        backgrounds=(
            images(
                pool.background_count,
                (*size, 3),
                np.uint8,
                lambda row: pool.background(row, size),
            )
            if there["background"]
            else None
        ),
        composites=images(count, (*size, 3), np.uint8, lambda row: pool.composite(row, size)),
        masks=(
            images(count, size, np.uint8, lambda row: pool.mask(row, size).object)
            if there["mask"]
            else None
        ),
        depths=images(count, size, pool.depth_dtype, depth) if there["depth"] else None,
        depth_valid=(
            images(count, size, np.uint8, lambda row: pool.depth(row, size).valid)
            if there["depth"] and pool.has_invalid_depth
            else None
        ),
        mask_valid=(
            images(count, size, np.uint8, lambda row: pool.mask(row, size).valid)
            if there["mask"] and there["unknown"]
            else None
        ),
        fingerprint=fingerprint,
        streamed=True,
    )
