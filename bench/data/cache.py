"""Decoded samples at one size, memory-mapped: decoded once, shared by every cell and run.

A cache is a folder named after the archives' fingerprint and the size; it exists if and only if it
is complete. Pictures are uint8, depth keeps 16 bits where the archive has them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import platformdirs

from bench.data import images
from bench.data.archive import Archive
from bench.data.images import Size
from bench.data.layout import DepthCoding, Layout, read_layout
from bench.errors import InputError

FORMAT = 1  # raise it when the arrays' meaning changes: older caches are then made anew
MASK_THRESHOLD = 127  # a mask picture's grey above this is object, as JPEG blurs its edges
VALID_SHARE = 0.5  # a resized depth pixel counts if at least this share of it had a reading

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


def _build(
    folder: Path, layouts: list[Layout], size: Size, on_progress: OnProgress | None
) -> None:
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
    source = np.repeat(np.arange(len(layouts)), [len(layout.samples) for layout in layouts])
    # A background is one picture of one archive, however many samples stand on it.
    background_rows, backgrounds = pd.factorize(
        pd.MultiIndex.from_arrays([source, samples["background_entry"]])
    )
    dtype = _depth_dtype(layouts)

    def create(name: str, shape: tuple[int, ...], dtype: Any) -> np.memmap[Any, Any]:
        return np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)

    arrays = {
        "backgrounds": create("backgrounds", (len(backgrounds), *size, 3), np.uint8),
        "composites": create("composites", (len(samples), *size, 3), np.uint8),
        "masks": create("masks", (len(samples), *size), np.uint8),
        "depths": create("depths", (len(samples), *size), dtype),
        "depth_valid": create("depth_valid", (len(samples), *size), np.uint8),
    }
    native_sizes: dict[tuple[int, str], Size] = {}

    def decode_background(row: int) -> None:
        layout, entry = layouts[backgrounds[row][0]], backgrounds[row][1]
        pixels = _picture(layout, entry, images.decode_color)
        native_sizes[backgrounds[row]] = pixels.shape[:2]
        arrays["backgrounds"][row] = images.resize(pixels, size)

    def decode_sample(row: int) -> None:
        layout, sample = layouts[source[row]], samples.iloc[row]
        composite = _picture(layout, sample["composite_entry"], images.decode_color)
        mask = _picture(layout, sample["mask_entry"], images.decode_grey)
        depth = _picture(layout, sample["depth_entry"], images.decode_grey)
        background_size = native_sizes[source[row], sample["background_entry"]]
        for kind, shape in (
            ("background", background_size),
            ("mask", mask.shape),
            ("depth", depth.shape),
        ):
            if shape != composite.shape[:2]:
                raise InputError(
                    f"{layout.archive.path}: {sample[f'{kind}_entry']} is "
                    f"{shape[1]}x{shape[0]} px, but {sample['composite_entry']} is "
                    f"{composite.shape[1]}x{composite.shape[0]} px; a sample's pictures must agree"
                )
        arrays["composites"][row] = images.resize(composite, size)
        arrays["masks"][row] = images.resize(_eight_bit(mask), size) > MASK_THRESHOLD
        near_zero, valid = _near_zero(depth, layout.depth_coding)
        resized, share = images.resize_depth(near_zero, valid, size)
        arrays["depths"][row] = np.rint(resized * np.iinfo(dtype).max)
        arrays["depth_valid"][row] = share >= VALID_SHARE

    total = len(backgrounds) + len(samples)
    done = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for work, count in (
                (decode_background, len(backgrounds)),
                (decode_sample, len(samples)),
            ):
                for _ in pool.map(work, range(count)):
                    done += 1
                    if on_progress:
                        on_progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    whole = bool(arrays["depth_valid"].all())
    for array in arrays.values():
        array.flush()
    if whole:
        (folder / "depth_valid.npy").unlink()
    columns = samples.drop(columns=[name for name in samples.columns if name.endswith("_entry")])
    columns.assign(background_row=background_rows).to_parquet(folder / "samples.parquet")


def _picture(layout: Layout, entry: str, decode: Callable[[bytes], Any]) -> Any:
    content = layout.archive.read(entry)
    try:
        return decode(content)
    except ValueError as error:
        raise InputError(f"{layout.archive.path}: {entry}: {error}") from None


def _depth_dtype(layouts: Iterable[Layout]) -> type[np.uint8 | np.uint16]:
    """16 bits if any archive's first depth picture has them."""
    for layout in layouts:
        first = _picture(layout, layout.samples["depth_entry"].iloc[0], images.decode_grey)
        if first.dtype == np.uint16:
            return np.uint16
    return np.uint8


def _eight_bit(grey: npt.NDArray[np.uint8 | np.uint16]) -> npt.NDArray[np.uint8]:
    return (grey if grey.dtype == np.uint8 else grey >> 8).astype(np.uint8, copy=False)


def _near_zero(
    coded: npt.NDArray[np.uint8 | np.uint16], coding: DepthCoding
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Depth in [0, 1] with 0 near, and where there is a reading."""
    depth = np.minimum(coded.astype(np.float32) / coding.maximum, 1)
    if coding.near == "high":
        depth = 1 - depth
    if coding.invalid is None:
        return depth, np.ones(coded.shape, np.bool_)
    return depth, coded != coding.invalid
