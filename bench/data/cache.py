"""Decoded samples at one size, memory-mapped: decoded once, shared by every cell and run.

A cache is a folder named after the contents of the archives, how they are read, and the size; it
exists if and only if it is complete. Where the disk has no room for it, the images are decoded
whenever they are asked for. They are uint8; depth keeps 16 bits where the archive has them.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import platformdirs
from filelock import FileLock, Timeout

from bench.data.cache_build import CacheBuild, OnProgress
from bench.data.dataset import Dataset
from bench.data.entries import Entries, open_container
from bench.data.sample_pool import SamplePool
from bench.data.selection import open_selection, read_excluded
from bench.data.stream import stream
from bench.errors import InputError
from bench.settings import Source
from bench.settings.base import Size

FORMAT = 2  # raise it when the arrays' meaning changes: older caches are then made anew

OnRemark = Callable[[str], None]


def default_root() -> Path:
    """Where caches lie: ``MASKDEPTH_CACHE``, or the user's cache folder."""
    given = os.environ.get("MASKDEPTH_CACHE")
    return Path(given) if given else platformdirs.user_cache_path("maskdepth-bench")


def open_dataset(
    archives: Sequence[Path | Source],
    size: Size,
    *,
    exclude: Path | None = None,
    root: Path | None = None,
    on_progress: OnProgress | None = None,
    on_remark: OnRemark | None = None,
) -> Dataset:
    """The archives' samples at ``size`` (height, width), decoded on first use.

    Args:
        archives: paths of files that make up one dataset, or sources; their keys must differ.
        size: (height, width) in pixels.
        exclude: a CSV list of the keys to leave out.
        root: where caches lie; by default `default_root`.
        on_progress: called with the numbers of images decoded and to decode.
        on_remark: called with what is worth saying: the layout, a lack of disk.

    Raises:
        InputError: an archive, entry or sample is at fault; no cache is left behind.
    """
    sources = _as_sources(archives)
    excluded = [] if exclude is None else read_excluded(exclude)
    fingerprint = _fingerprint(sources, excluded)
    root = root or default_root()
    folder = root / f"{fingerprint[:16]}-{size[0]}x{size[1]}-v{FORMAT}"
    if folder.exists():
        return open_cache(folder, size, fingerprint)
    remark = on_remark or (lambda _: None)
    layouts = open_selection(sources, exclude, remark)
    for layout in layouts:
        remark(f"{layout.entries.paths}: layout {layout.name}, {len(layout.samples)} samples")
    pool = SamplePool(layouts)
    build = CacheBuild(folder, pool, size, on_progress or (lambda _, __: None))
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(folder, remark):
            if folder.exists():  # made by another run meanwhile
                return open_cache(folder, size, fingerprint)
            if build.has_room():
                build.run()
                return open_cache(folder, size, fingerprint)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise InputError(
                f"{root}: the decoded images cannot be kept there ({error}); MASKDEPTH_CACHE "
                "names another folder"
            ) from None
    remark(
        f"the decoded images need {build.bytes_needed() / 2**30:.2f} GiB, which {root} has not "
        "free: they are decoded anew whenever they are used, which is slower; MASKDEPTH_CACHE "
        "names another folder to keep them in"
    )
    return stream(pool, size, fingerprint)


def open_samples(archives: Sequence[Path | Source]) -> tuple[pd.DataFrame, str]:
    """The samples and the fingerprint of the dataset that `open_dataset` gives, nothing decoded.

    Raises:
        InputError: an archive is at fault, or a sample lacks a partner.
    """
    sources = _as_sources(archives)
    layouts = open_selection(sources, None, lambda _: None)
    return SamplePool(layouts).samples, _fingerprint(sources, [])


def _as_sources(archives: Sequence[Path | Source]) -> list[Source]:
    plain = tuple(str(archive) for archive in archives if not isinstance(archive, Source))
    sources = [archive for archive in archives if isinstance(archive, Source)]
    return [Source(files=plain), *sources] if plain else sources


def _fingerprint(sources: list[Source], excluded: list[str]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        files = (*source.files, *([source.backgrounds] if source.backgrounds else []))
        digest.update(Entries([open_container(Path(file)) for file in files]).fingerprint.encode())
        reading = source.model_dump_json(exclude={"files", "backgrounds"}, exclude_defaults=True)
        if reading != "{}":
            digest.update(reading.encode())
    if excluded:
        digest.update("\n".join(sorted(excluded)).encode())
    return digest.hexdigest()


@contextmanager
def _locked(folder: Path, remark: OnRemark) -> Iterator[None]:
    """One build of one cache at a time; the system frees the lock of a process that dies."""
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        remark("another run is decoding the same images; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def open_cache(folder: Path, size: Size, fingerprint: str) -> Dataset:
    """A finished cache, memory-mapped."""

    def array(name: str) -> Any:
        path = folder / f"{name}.npy"
        return np.load(path, mmap_mode="r") if path.exists() else None

    samples = pd.read_parquet(folder / "samples.parquet")
    return Dataset(
        samples=samples.drop(columns="background_row"),
        size=size,
        background_rows=samples["background_row"].to_numpy(dtype=np.int64),
        backgrounds=array("backgrounds"),
        composites=array("composites"),
        masks=array("masks"),
        depths=array("depths"),
        depth_valid=array("depth_valid"),
        fingerprint=fingerprint,
    )
