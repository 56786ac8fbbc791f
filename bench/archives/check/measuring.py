"""One pass over every image, in bounded memory: a row of numbers for each sample."""

from __future__ import annotations

import functools
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.archives.check import depth, duplicates, images, masks, pairing
from bench.archives.check.difference import Selection, change
from bench.archives.check.images import read_image
from bench.data.images import Pixels
from bench.data.layouts import NO_ENTRY, Manifest
from bench.data.similarity import dhash

OnStep = Callable[[int], None]

CHUNK = 64  # samples whose small images a thread holds
BACKGROUNDS_HELD = 2048  # small ones, of 12 KB each; others are decoded again


class _Backgrounds(NamedTuple):
    """Every background of a layout once: K of them.

    Attributes:
        table: (K,) ``background``, ``background_entry`` and what was measured of each.
        thumbnails: (K, CELLS, CELLS), NaN where one cannot be read.
    """

    table: pd.DataFrame
    thumbnails: pairing.Values


@dataclass(frozen=True)
class _Sample:
    """What is held of a sample until its chunk is done.

    Attributes:
        columns: what was measured.
        thumbnail, free: see `pairing`.
        composite, added: (SIDE, SIDE, 3) to be hashed, see `duplicates`.
    """

    columns: dict[str, object]
    thumbnail: pairing.Values
    free: Selection
    composite: Pixels
    added: Pixels


def count_steps(layout: Manifest) -> int:
    """How many steps `measure` takes: one a background, one a sample."""
    entries = layout.samples["background_entry"]
    return int(entries[entries != NO_ENTRY].nunique()) + len(layout.samples)


def measure(layout: Manifest, on_step: OnStep) -> pd.DataFrame:
    """What the judges need to know of each sample of a layout.

    Args:
        layout: whose samples.
        on_step: called with how many steps were taken since the last call.

    Returns:
        One row a sample, in the layout's order: ``archive``, ``key``, ``background`` (its id),
        ``background_entry``, ``depth_near``, and the columns that the ``measure`` of `images`,
        `masks`, `depth` and `duplicates` describe, with `pairing.Fits`, ``composite_hash`` and
        ``change_hash``. What is not known of a sample is NaN.
    """
    with _without_complaints(), ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            backgrounds = _measure_backgrounds(layout, pool, on_step)
            table = _measure_samples(layout, backgrounds, pool, on_step)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return table.assign(archive=layout.entries.paths, depth_near=layout.depth_coding.near)


@contextmanager
def _without_complaints() -> Iterator[None]:
    """What PIL warns of and logs about broken images becomes findings, not lines on stderr."""
    handler = logging.NullHandler()
    logging.getLogger("PIL").addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("PIL").removeHandler(handler)


def _measure_backgrounds(
    layout: Manifest, pool: ThreadPoolExecutor, on_step: OnStep
) -> _Backgrounds:
    once = layout.samples[["background", "background_entry"]].drop_duplicates("background_entry")
    once = once.sort_values("background_entry", ignore_index=True)  # one missing comes first

    def measure_one(entry: int) -> tuple[dict[str, object], pairing.Values]:
        image = read_image(layout, "background", entry)
        return images.measure("background", image), _thumbnail(image.pixels)

    columns = []
    thumbnails = np.empty((len(once), pairing.CELLS, pairing.CELLS), np.float32)
    for row, (found, thumbnail) in enumerate(pool.map(measure_one, once["background_entry"])):
        columns.append(found)
        thumbnails[row] = thumbnail
        on_step(int(once["background_entry"][row] != NO_ENTRY))
    return _Backgrounds(pd.concat([once, pd.DataFrame(columns)], axis=1), thumbnails)


def _measure_samples(
    layout: Manifest, backgrounds: _Backgrounds, pool: ThreadPoolExecutor, on_step: OnStep
) -> pd.DataFrame:
    @functools.lru_cache(BACKGROUNDS_HELD)
    def read_background(entry: int) -> Pixels | None:
        return read_image(layout, "background", entry).pixels

    def measure_chunk(start: int) -> pd.DataFrame:
        rows = layout.samples.iloc[start : start + CHUNK]
        held = [_sample(layout, row, read_background) for row in rows.itertuples()]
        return _table(rows, held, backgrounds)

    tables = []
    for table in pool.map(measure_chunk, range(0, len(layout.samples), CHUNK)):
        tables.append(table)
        on_step(len(table))
    return pd.concat(tables, ignore_index=True)


def _sample(layout: Manifest, row: Any, read_background: Callable[[int], Pixels | None]) -> _Sample:
    columns: dict[str, object] = masks.UNKNOWN | depth.UNKNOWN | duplicates.UNKNOWN
    found = {}
    for kind in ("composite", "mask", "depth", "unknown"):
        image = read_image(layout, kind, getattr(row, f"{kind}_entry"))
        columns |= images.measure(kind, image)
        found[kind] = image.pixels
    composite, grey, coded = found["composite"], found["mask"], found["depth"]
    background = read_background(row.background_entry)
    if background is not None and row.background_mirrored:
        background = background[:, ::-1]
    mask = None if grey is None else masks.shrink(grey, layout.mask_threshold)
    changed, added = None, duplicates.UNREAD
    if composite is not None and background is not None:
        changed = change(composite, background, mask)
        columns |= duplicates.measure(changed)
        added = duplicates.image_of_change(changed)
    if grey is not None and mask is not None:
        columns |= masks.measure(grey, layout.mask_threshold, mask, changed)
    if coded is not None:
        columns |= depth.measure(coded, layout.depth_coding, mask)
    return _Sample(
        columns,
        _thumbnail(composite),
        pairing.free_cells(mask),
        duplicates.UNREAD if composite is None else composite,
        added,
    )


def _thumbnail(pixels: Pixels | None) -> pairing.Values:
    return pairing.UNREAD if pixels is None else pairing.thumbnail(pixels)


def _table(rows: pd.DataFrame, held: list[_Sample], backgrounds: _Backgrounds) -> pd.DataFrame:
    own = np.searchsorted(backgrounds.table["background_entry"], rows["background_entry"])
    composites = np.stack([sample.thumbnail for sample in held])
    mirrored = rows["background_mirrored"].to_numpy(dtype=bool)
    free = np.stack([sample.free for sample in held])
    for stack in (composites, free):
        stack[mirrored] = stack[mirrored, :, ::-1]  # back onto the background as it is
    fits = pairing.compare(composites, free, backgrounds.thumbnails, own)
    of_background = backgrounds.table.iloc[own].drop(columns=["background", "background_entry"])
    best = backgrounds.table["background"].to_numpy()[fits.best_row]
    best = np.where(fits.best_row < 0, "", best)
    return pd.concat(
        [
            rows[["key", "background", "background_entry"]].reset_index(drop=True),
            of_background.reset_index(drop=True),
            pd.DataFrame([sample.columns for sample in held]),
            pd.DataFrame({"fit_own": fits.own, "fit_mirrored": fits.mirrored}),
            pd.DataFrame({"fit_best": fits.best, "fit_best_background": best}),
            pd.DataFrame({"composite_hash": dhash(np.stack([s.composite for s in held]))}),
            pd.DataFrame({"change_hash": dhash(np.stack([s.added for s in held]))}),
        ],
        axis=1,
    )
