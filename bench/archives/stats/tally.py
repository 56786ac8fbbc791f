"""The pixels of some images, counted by value, so that no sum is ever rounded."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from bench.data.decode import Encoded, decode_color, decode_mask, read_depth_codes
from bench.data.layouts import Manifest
from bench.settings import DepthCoding

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

CHUNK = 64  # images that a thread counts at a time
CODES = 2**16  # values that a depth image can hold
CHANNELS = {
    "background": ("red", "green", "blue"),
    "composite": ("red", "green", "blue"),
    "mask": ("object",),
    "depth": ("depth",),
}


class Tally:
    """The pixels of some images of one kind, counted by value.

    Attributes:
        values: (L,) what each counted level means, in [0, 1].
        counts: (C, L) of the pixels that count.
        without_reading: how many do not.
        images: how many.
    """

    def __init__(self, values: Values, channels: int) -> None:
        self.values = values
        self.counts = np.zeros((channels, len(values)), np.int64)
        self.without_reading = 0
        self.images = 0
        self._images = array("d")  # mean and deviation of each channel of each image

    @classmethod
    def of(cls, layout: Manifest, kind: str) -> Tally:
        """Return an empty one for the images of a kind in a dataset."""
        return cls(_values(layout, kind), len(CHANNELS[kind]))

    def add(self, counts: Counts, invalid: int | None) -> None:
        """Take in one image, counted (C, L); pixels of the level ``invalid`` do not count."""
        if invalid is not None and invalid < counts.shape[1]:
            self.without_reading += int(counts[0, invalid])
            counts[:, invalid] = 0
        self.counts[:, : counts.shape[1]] += counts
        self.images += 1
        for channel in counts:
            self._images.extend(moments(self.values[: len(channel)], channel))

    def merge(self, other: Tally) -> None:
        """Take in what another has counted, after one's own."""
        self.counts += other.counts
        self.without_reading += other.without_reading
        self.images += other.images
        self._images.extend(other._images)

    def image_moments(self) -> Values:
        """(N, C, 2) mean and standard deviation of each image; NaN for one without a reading."""
        return np.frombuffer(self._images).reshape(-1, len(self.counts), 2)


def count(
    layout: Manifest, kind: str, rows: list[int], workers: ThreadPoolExecutor
) -> Iterator[Tally]:
    """Give the tallies of images of a kind, chunk by chunk in their order.

    Args:
        layout: the dataset.
        kind: one of `CHANNELS`.
        rows: of the dataset's samples, whose images are counted.
        workers: the threads to count in.

    Raises:
        InputError: an image is damaged.
    """
    invalid = layout.depth_coding.invalid if kind == "depth" else None

    def count_chunk(start: int) -> Tally:
        tally = Tally.of(layout, kind)
        for row in rows[start : start + CHUNK]:
            tally.add(_count(kind, Encoded.read(layout, row)), invalid)
        return tally

    return workers.map(count_chunk, range(0, len(rows), CHUNK))


def _count(kind: str, image: Encoded) -> Counts:
    """How often each level occurs in one image, (C, levels up to the greatest or more)."""
    if kind == "depth":
        return np.bincount(read_depth_codes(image).ravel())[None]
    if kind == "mask":
        return np.bincount(decode_mask(image, image.size).object.ravel(), minlength=2)[None]
    pixels = decode_color(image, image.size)
    return np.stack([np.bincount(pixels[..., c].ravel(), minlength=256) for c in range(3)])


def moments(values: Values, counts: Counts) -> tuple[float, float]:
    """Return the mean and the standard deviation (of the set itself) of values that occur so often.

    Args:
        values: (L,).
        counts: (L,) how often each occurs; of none at all both are NaN.
    """
    total = counts.sum()
    if total == 0:
        return np.nan, np.nan
    mean = float(values @ counts / total)
    return mean, float(np.sqrt(np.square(values - mean) @ counts / total))


def _values(layout: Manifest, kind: str) -> Values:
    if kind == "depth":
        return _meanings(layout.depth_coding)
    return np.array([0.0, 1.0]) if kind == "mask" else np.arange(256) / 255


def _meanings(coding: DepthCoding) -> Values:
    """(`CODES`,) the depth in [0, 1], 0 near, that each value of a depth image stands for."""
    depth = np.minimum(np.arange(CODES) / coding.maximum, 1)
    return 1 - depth if coding.near == "high" else depth
