"""The mean and spread of a dataset's images, over all pixels of them at their own size."""

from __future__ import annotations

import dataclasses
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data.decode import Encoded, decode_color, decode_mask, read_depth_codes
from bench.data.layouts import NO_ENTRY, Manifest
from bench.data.sample_pool import SamplePool
from bench.settings import DepthCoding

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

CHUNK = 64  # images that a thread counts at a time
CODES = 2**16  # values that a depth image can hold
BINS = 32  # of the histograms: an even 8 of the 256 values each
CHANNELS = {
    "background": ("red", "green", "blue"),
    "composite": ("red", "green", "blue"),
    "mask": ("object",),
    "depth": ("depth",),
}


@dataclass(frozen=True)
class Channel:
    """One channel of a kind of images; in [0, 1], NaN where no pixel has a reading.

    Attributes:
        mean: of all pixels of all images.
        std: of all pixels of all images, as one set.
        mean_image_std: the mean over the images of each one's own standard deviation. It leaves
            out how the images differ from each other, so it is below ``std``.
    """

    mean: float
    std: float
    mean_image_std: float


@dataclass(frozen=True)
class Kind:
    """A kind of images.

    Attributes:
        images: how many; a background counts once, however many samples share it.
        pixels: how many of them together count; of depth, those with a reading.
        without_reading: how many do not.
        channels: by name.
    """

    images: int
    pixels: int
    without_reading: int
    channels: dict[str, Channel]


@dataclass(frozen=True)
class Histogram:
    """How often values in [0, 1] occur.

    Attributes:
        counts: (`BINS`,) of equal parts of [0, 1].
        mean: of the values, not of the bins.
    """

    counts: list[int]
    mean: float


@dataclass(frozen=True)
class RawDepth:
    """The values in which the depth of some archives is coded.

    Attributes:
        archives: their paths.
        coding: how they are read.
        minimum, maximum: the least and the greatest value that is a reading; None without any.
    """

    archives: str
    coding: dict[str, Any]
    minimum: int | None
    maximum: int | None


@dataclass(frozen=True)
class Statistics:
    """What was measured.

    Attributes:
        samples: how many.
        kinds: by name, those that there are.
        coverage: of the images, by the share of their pixels that is object; None without masks.
        coverage_deciles: (11,) the least, the nine deciles and the greatest of these shares.
        depth: of the pixels with a reading, 0 near; None without depth.
        raw_depth: one for each dataset.
    """

    samples: int
    kinds: dict[str, Kind]
    coverage: Histogram | None
    coverage_deciles: list[float]
    depth: Histogram | None
    raw_depth: list[RawDepth]

    def as_json(self) -> dict[str, Any]:
        """All of it as plain mappings, lists and numbers; null for what no pixel tells."""
        plain: dict[str, Any] = _without_nan(dataclasses.asdict(self))
        return plain


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and np.isnan(value) else value


def measure(layouts: Sequence[Manifest], on_progress: Callable[[int, int], None]) -> Statistics:
    """Read every image once, at its own size.

    The pixels are counted by value, so that no sum is ever rounded. Memory holds the counts and
    a few numbers an image.

    Args:
        layouts: the datasets.
        on_progress: called with the numbers of images done and to do.

    Raises:
        InputError: a sample lacks a partner, or an image is damaged.
    """
    found = SamplePool(list(layouts)).kinds  # refuses samples that do not belong together
    kinds = [kind for kind in found if kind in CHANNELS]
    entries = {kind: [_entries(layout, kind) for layout in layouts] for kind in kinds}
    total = sum(len(rows) for of_kind in entries.values() for rows in of_kind)
    done = 0
    tallies: dict[str, list[_Tally]] = {kind: [] for kind in kinds}
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        try:
            for kind, of_kind in entries.items():
                for layout, rows in zip(layouts, of_kind, strict=True):
                    tally = _Tally(_values(layout, kind), len(CHANNELS[kind]))
                    for part in _count_all(layout, kind, rows, workers):
                        tally.merge(part)
                        done += part.images
                        on_progress(done, total)
                    tallies[kind].append(tally)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    return _summarised(layouts, tallies)


class _Tally:
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

    def add(self, counts: Counts, invalid: int | None) -> None:
        """Take in one image, counted (C, L); pixels of the level ``invalid`` do not count."""
        if invalid is not None and invalid < counts.shape[1]:
            self.without_reading += int(counts[0, invalid])
            counts[:, invalid] = 0
        self.counts[:, : counts.shape[1]] += counts
        self.images += 1
        for channel in counts:
            self._images.extend(_moments(self.values[: len(channel)], channel))

    def merge(self, other: _Tally) -> None:
        """Take in what another has counted, after one's own."""
        self.counts += other.counts
        self.without_reading += other.without_reading
        self.images += other.images
        self._images.extend(other._images)

    def image_moments(self) -> Values:
        """(N, C, 2) mean and standard deviation of each image; NaN for one without a reading."""
        return np.frombuffer(self._images).reshape(-1, len(self.counts), 2)


def _moments(values: Values, counts: Counts) -> tuple[float, float]:
    """The mean and the standard deviation (of the set itself) of values that occur so often."""
    total = counts.sum()
    if total == 0:
        return np.nan, np.nan
    mean = float(values @ counts / total)
    return mean, float(np.sqrt(np.square(values - mean) @ counts / total))


def _entries(layout: Manifest, kind: str) -> list[int]:
    """The images of a kind; a background once."""
    entries = layout.samples[f"{kind}_entry"]
    once = entries.drop_duplicates() if kind == "background" else entries
    rows: list[int] = once[once != NO_ENTRY].tolist()
    return rows


def _values(layout: Manifest, kind: str) -> Values:
    if kind == "depth":
        return _meanings(layout.depth_coding)
    return np.array([0.0, 1.0]) if kind == "mask" else np.arange(256) / 255


def _count_all(
    layout: Manifest, kind: str, rows: list[int], workers: ThreadPoolExecutor
) -> Iterator[_Tally]:
    """The tallies of the images, chunk by chunk in their order."""
    invalid = layout.depth_coding.invalid if kind == "depth" else None

    def count_chunk(start: int) -> _Tally:
        tally = _Tally(_values(layout, kind), len(CHANNELS[kind]))
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


def _summarised(layouts: Sequence[Manifest], tallies: dict[str, list[_Tally]]) -> Statistics:
    masks, depths = tallies.get("mask", []), tallies.get("depth", [])
    coverage = np.concatenate([[], *(tally.image_moments()[:, 0, 0] for tally in masks)])
    return Statistics(
        samples=sum(len(layout.samples) for layout in layouts),
        kinds={kind: _kind(kind, of_kind) for kind, of_kind in tallies.items()},
        coverage=_histogram(coverage, np.ones_like(coverage)) if masks else None,
        coverage_deciles=np.quantile(coverage, np.linspace(0, 1, 11)).tolist() if masks else [],
        depth=(
            _histogram(
                np.concatenate([tally.values for tally in depths]),
                np.concatenate([tally.counts[0] for tally in depths]),
            )
            if depths
            else None
        ),
        raw_depth=[_raw(layout, tally) for layout, tally in zip(layouts, depths, strict=False)],
    )


def _kind(kind: str, tallies: list[_Tally]) -> Kind:
    values = np.concatenate([tally.values for tally in tallies])
    counts = np.concatenate([tally.counts for tally in tallies], axis=1)
    image_stds = np.concatenate([tally.image_moments()[..., 1] for tally in tallies])
    image_stds = image_stds[~np.isnan(image_stds[:, 0])]
    channels = {}
    for number, name in enumerate(CHANNELS[kind]):
        mean, std = _moments(values, counts[number])
        of_images = float(image_stds[:, number].mean()) if len(image_stds) else np.nan
        channels[name] = Channel(mean, std, of_images)
    return Kind(
        images=sum(tally.images for tally in tallies),
        pixels=int(counts[0].sum()),
        without_reading=sum(tally.without_reading for tally in tallies),
        channels=channels,
    )


def _histogram(values: Values, weights: npt.NDArray[Any]) -> Histogram:
    counts, _ = np.histogram(values, bins=BINS, range=(0, 1), weights=weights)
    return Histogram(counts.astype(np.int64).tolist(), _moments(values, weights)[0])


def _raw(layout: Manifest, tally: _Tally) -> RawDepth:
    levels = np.flatnonzero(tally.counts[0]).tolist()
    return RawDepth(
        archives=layout.entries.paths,
        coding=layout.depth_coding.model_dump(mode="json"),
        minimum=levels[0] if levels else None,
        maximum=levels[-1] if levels else None,
    )


def _meanings(coding: DepthCoding) -> Values:
    """(`CODES`,) the depth in [0, 1], 0 near, that each value of a depth image stands for."""
    depth = np.minimum(np.arange(CODES) / coding.maximum, 1)
    return 1 - depth if coding.near == "high" else depth
