"""Decoded samples at one size, memory-mapped: decoded once, shared by every cell and run.

A cache is a folder named after the archives' fingerprint and the size; it exists if and only if it
is complete. Pictures are uint8, depth keeps 16 bits where the archive has them.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import platformdirs

from bench.data import decode, images
from bench.data.archive import Archive
from bench.data.images import Size
from bench.data.layout import Layout, read_layout
from bench.errors import InputError

FORMAT = 1  # raise it when the arrays' meaning changes: older caches are then made anew

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Dataset:
    """Every sample of the archives, decoded at one size (H, W).

    Attributes:
        samples: one row a sample: ``key``, ``background`` and the archive's further columns.
        background_rows: (N,) the row of `backgrounds` under each sample.
        backgrounds: (K, H, W, 3) uint8, each background once.
        composites: (N, H, W, 3) uint8.
        masks: (N, H, W) uint8 in {0, 1}.
        depths: (N, H, W) uint8 or uint16; 0 is near, the type's greatest value far.
        depth_valid: (N, H, W) uint8 in {0, 1}; None where every pixel has a reading.
        fingerprint: a digest of the archives' contents.
    """

    samples: pd.DataFrame
    background_rows: npt.NDArray[np.int64]
    backgrounds: npt.NDArray[np.uint8]
    composites: npt.NDArray[np.uint8]
    masks: npt.NDArray[np.uint8]
    depths: npt.NDArray[np.uint8 | np.uint16]
    depth_valid: npt.NDArray[np.uint8] | None
    fingerprint: str

    @property
    def keys(self) -> npt.NDArray[np.str_]:
        """(N,) the samples' keys."""
        return self.samples["key"].to_numpy(dtype=str)

    @property
    def depth_maximum(self) -> int:
        """The coded depth that means 1."""
        return int(np.iinfo(self.depths.dtype).max)


def default_root() -> Path:
    """Where caches lie: ``MASKDEPTH_CACHE``, or the user's cache folder."""
    given = os.environ.get("MASKDEPTH_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("maskdepth-bench")


def open_dataset(
    paths: Sequence[Path],
    size: Size,
    *,
    root: Path | None = None,
    on_progress: OnProgress | None = None,
) -> Dataset:
    """The archives' samples at ``size`` (height, width), decoded on first use.

    Args:
        paths: one or several archives in the canonical layout; their keys must differ.
        size: (height, width) in pixels.
        root: where caches lie; by default `default_root`.
        on_progress: called with the numbers of pictures decoded and to decode.

    Raises:
        InputError: an archive, entry or sample is at fault; no cache is left behind.
    """
    root = root or default_root()
    archives = [Archive(path) for path in paths]
    fingerprint = hashlib.sha256("".join(a.fingerprint() for a in archives).encode()).hexdigest()
    folder = root / f"{fingerprint[:16]}-{size[0]}x{size[1]}-v{FORMAT}"
    if not folder.exists():
        layouts = [read_layout(archive) for archive in archives]
        _build(folder, layouts, size, on_progress)
    return _open(folder, fingerprint)


def _open(folder: Path, fingerprint: str) -> Dataset:
    array = functools.partial(np.load, mmap_mode="r")
    samples = pd.read_parquet(folder / "samples.parquet")
    return Dataset(
        samples=samples.drop(columns="background_row"),
        background_rows=samples["background_row"].to_numpy(dtype=np.int64),
        backgrounds=array(folder / "backgrounds.npy"),
        composites=array(folder / "composites.npy"),
        masks=array(folder / "masks.npy"),
        depths=array(folder / "depths.npy"),
        depth_valid=(
            array(folder / "depth_valid.npy") if (folder / "depth_valid.npy").exists() else None
        ),
        fingerprint=fingerprint,
    )


def _build(folder: Path, layouts: list[Layout], size: Size, on_progress: OnProgress | None) -> None:
    """Decode everything into a temporary folder and rename it into place."""
    samples = pd.concat([layout.samples for layout in layouts], ignore_index=True)
    repeated = samples["key"][samples["key"].duplicated()]
    if not repeated.empty:
        raise InputError(
            f"data.archive: the key {repeated.iloc[0]} stands in more than one of the archives"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        _decode(partial, layouts, samples, size, on_progress)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            # another run has finished the same cache meanwhile: use that one
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _decode(
    folder: Path,
    layouts: list[Layout],
    samples: pd.DataFrame,
    size: Size,
    on_progress: OnProgress | None,
) -> None:
    """Fill ``folder`` with the arrays of a `Dataset`."""
    source = np.repeat(np.arange(len(layouts)), [len(layout.samples) for layout in layouts])
    # A background is one picture of one archive, however many samples stand on it.
    background_rows, backgrounds = pd.factorize(
        pd.MultiIndex.from_arrays([source, samples["background_entry"]])
    )
    depth_dtype = decode.depth_dtype(layouts)

    def create(name: str, shape: tuple[int, ...], dtype: Any) -> np.memmap[Any, Any]:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)

    background_array = create("backgrounds", (len(backgrounds), *size, 3), np.uint8)
    composites = create("composites", (len(samples), *size, 3), np.uint8)
    masks = create("masks", (len(samples), *size), np.uint8)
    depths = create("depths", (len(samples), *size), depth_dtype)
    depth_valid = create("depth_valid", (len(samples), *size), np.uint8)
    native_sizes: list[Size] = [(0, 0)] * len(backgrounds)

    def fill_background(row: int) -> None:
        archive, entry = backgrounds[row]
        pixels = decode.decode_background(layouts[archive], entry)
        native_sizes[row] = pixels.shape[:2]
        background_array[row] = images.resize(pixels, size)

    def fill_sample(row: int) -> None:
        native_size = native_sizes[background_rows[row]]
        sample = decode.decode_sample(layouts[source[row]], samples.iloc[row], native_size, size)
        composites[row] = sample.composite
        masks[row] = sample.mask
        depths[row] = np.rint(sample.depth * np.iinfo(depth_dtype).max)
        depth_valid[row] = sample.depth_valid

    work = [(fill_background, len(backgrounds)), (fill_sample, len(samples))]
    _for_every_row(work, on_progress)
    whole = bool(depth_valid.all())
    for array in (background_array, composites, masks, depths, depth_valid):
        array.flush()
    if whole:
        (folder / "depth_valid.npy").unlink()
    columns = samples.drop(columns=[name for name in samples.columns if name.endswith("_entry")])
    columns.assign(background_row=background_rows).to_parquet(folder / "samples.parquet")


def _for_every_row(
    work: Sequence[tuple[Callable[[int], None], int]], on_progress: OnProgress | None
) -> None:
    """Call each function with its row numbers, one function after the other, on all cores."""
    total = sum(count for _, count in work)
    done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for fill, count in work:
                for _ in pool.map(fill, range(count)):
                    done += 1
                    if on_progress:
                        on_progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
