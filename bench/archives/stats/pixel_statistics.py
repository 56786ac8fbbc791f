"""The mean and spread of a dataset's images, over all pixels of them at their own size."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.archives.stats.tally import CHANNELS, Tally, Values, count, moments
from bench.data.layouts import NO_ENTRY, Manifest
from bench.data.sample_pool import SamplePool

BINS = 32  # of the histograms: an even 8 of the 256 values each


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
    tallies: dict[str, list[Tally]] = {kind: [] for kind in kinds}
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        try:
            for kind, of_kind in entries.items():
                for layout, rows in zip(layouts, of_kind, strict=True):
                    tally = Tally.of(layout, kind)
                    for part in count(layout, kind, rows, workers):
                        tally.merge(part)
                        done += part.images
                        on_progress(done, total)
                    tallies[kind].append(tally)
        except BaseException:
            workers.shutdown(cancel_futures=True)
            raise
    return _summarised(layouts, tallies)


def _entries(layout: Manifest, kind: str) -> list[int]:
    """The images of a kind; a background once."""
    entries = layout.samples[f"{kind}_entry"]
    once = entries.drop_duplicates() if kind == "background" else entries
    rows: list[int] = once[once != NO_ENTRY].tolist()
    return rows


def _summarised(layouts: Sequence[Manifest], tallies: dict[str, list[Tally]]) -> Statistics:
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


def _kind(kind: str, tallies: list[Tally]) -> Kind:
    values = np.concatenate([tally.values for tally in tallies])
    counts = np.concatenate([tally.counts for tally in tallies], axis=1)
    image_stds = np.concatenate([tally.image_moments()[..., 1] for tally in tallies])
    image_stds = image_stds[~np.isnan(image_stds[:, 0])]
    channels = {}
    for number, name in enumerate(CHANNELS[kind]):
        mean, std = moments(values, counts[number])
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
    return Histogram(counts.astype(np.int64).tolist(), moments(values, weights)[0])


def _raw(layout: Manifest, tally: Tally) -> RawDepth:
    levels = np.flatnonzero(tally.counts[0]).tolist()
    return RawDepth(
        archives=layout.entries.paths,
        coding=layout.depth_coding.model_dump(mode="json"),
        minimum=levels[0] if levels else None,
        maximum=levels[-1] if levels else None,
    )
