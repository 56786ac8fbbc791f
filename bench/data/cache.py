"""Decoded samples at one size, memory-mapped: decoded once, shared by every cell and run.

A cache is a folder named after the contents of the archives, how they are read, the size, and what
decodes them; it exists if and only if it is complete, and is made anew if it is damaged. Where the
disk has no room for it, the images are decoded whenever they are asked for. They are uint8; depth
keeps 16 bits where the archive has them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs
from filelock import FileLock, Timeout

from bench.data.cache_build import CacheBuild, OnProgress
from bench.data.cache_manifest import CacheManifest, DamagedCacheError
from bench.data.checked_pool import CheckedPool
from bench.data.dataset import Dataset
from bench.data.decoding_digest import decoding_digest
from bench.data.entries import Entries, open_container
from bench.data.sample_pool import SamplePool
from bench.data.selection import open_selection, read_excluded
from bench.data.stream import stream
from bench.errors import InputError
from bench.settings import Source
from bench.settings.base import Size

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
    check_cache: bool = False,
) -> Dataset:
    """The archives' samples at ``size`` (height, width), decoded on first use.

    Args:
        archives: paths of files that make up one dataset, or sources; their keys must differ.
        size: (height, width) in pixels.
        exclude: a CSV list of the keys to leave out.
        root: where caches lie; by default `default_root`.
        on_progress: called with the numbers of images decoded and to decode.
        on_remark: called with what is worth saying: the layout, a damaged cache, a lack of disk.
        check_cache: compare a finished cache with what was written to the last byte; otherwise the
            bytes of a large one are sampled, see `CacheManifest.open_arrays`.

    Raises:
        InputError: an archive, entry or sample is at fault; no cache is left behind.
    """
    sources = _as_sources(archives)
    excluded = [] if exclude is None else read_excluded(exclude)
    fingerprint = _fingerprint(sources, excluded)
    root = root or default_root()
    folder = _folder(root, fingerprint, size)
    remark = on_remark or (lambda _: None)
    if folder.exists():
        try:
            return open_cache(folder, size, fingerprint, whole=check_cache)
        except DamagedCacheError as error:
            remark(f"{error}; decoding the images anew")
    pool = _open_pool(sources, exclude, remark)
    build = CacheBuild(folder, pool, size, on_progress or (lambda _, __: None))
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _locked(folder, remark):
            if folder.exists():  # made by another run meanwhile, or damaged
                try:
                    return open_cache(folder, size, fingerprint, whole=check_cache)
                except DamagedCacheError:
                    shutil.rmtree(folder)
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


def open_pool(
    archives: Sequence[Path | Source],
    *,
    exclude: Path | None = None,
    on_remark: OnRemark | None = None,
) -> tuple[SamplePool, str]:
    """The samples and the fingerprint of the dataset that `open_dataset` gives, nothing decoded.

    Args:
        archives: as there.
        exclude: as there.
        on_remark: called with the layout, and what was found on the way.

    Raises:
        InputError: an archive is at fault, or a sample lacks a partner.
    """
    sources = _as_sources(archives)
    excluded = [] if exclude is None else read_excluded(exclude)
    pool = _open_pool(sources, exclude, on_remark or (lambda _: None))
    return pool, _fingerprint(sources, excluded)


def decoding_outlook(pool: SamplePool, size: Size, fingerprint: str) -> str:
    """Say in a line whether samples are decoded at a size already, or what that takes."""
    root = default_root()
    folder = _folder(root, fingerprint, size)
    shown = f"{size[1]}x{size[0]} px"
    if folder.exists():
        return f"{shown}: decoded already, in {folder}"
    needed = CacheBuild(folder, pool, size, lambda _, __: None).bytes_needed()
    there = next(place for place in (root, *root.absolute().parents) if place.exists())
    free = shutil.disk_usage(there).free
    return (
        f"{shown}: to be decoded, {needed / 2**20:,.0f} MiB in {root}, which has "
        f"{free / 2**30:,.1f} GiB free"
    )


def _open_pool(sources: Sequence[Source], exclude: Path | None, remark: OnRemark) -> SamplePool:
    layouts = open_selection(sources, exclude, remark)
    for layout in layouts:
        remark(f"{layout.entries.paths}: layout {layout.name}, {len(layout.samples)} samples")
    return CheckedPool(layouts)


def _folder(root: Path, fingerprint: str, size: Size) -> Path:
    """Where the cache of a dataset at a size lies."""
    return root / f"{fingerprint[:16]}-{size[0]}x{size[1]}-{decoding_digest()[:8]}"


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


def open_cache(folder: Path, size: Size, fingerprint: str, *, whole: bool = False) -> Dataset:
    """A finished cache, memory-mapped.

    Args:
        folder: of the cache.
        size: (height, width) of its images.
        fingerprint: of its archives.
        whole: check every byte.

    Raises:
        DamagedCacheError: it does not hold what was written.
    """
    manifest = CacheManifest.read(folder)
    arrays = manifest.open_arrays(folder, whole=whole)
    return Dataset(
        samples=manifest.open_samples(folder),
        size=size,
        background_rows=np.array(arrays["background_rows"]),
        backgrounds=arrays.get("backgrounds"),
        composites=arrays["composites"],
        masks=arrays.get("masks"),
        depths=arrays.get("depths"),
        depth_valid=arrays.get("depth_valid"),
        mask_valid=arrays.get("mask_valid"),
        fingerprint=fingerprint,
    )
