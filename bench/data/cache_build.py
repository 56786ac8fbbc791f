"""Decode a pool of samples into the arrays of a cache, chunk by chunk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.data.images import Size
from bench.data.pool import Pool
from bench.errors import InputError

CHUNK_BYTES = 2**26  # decoded at a time, and lost at most when a build is stopped
SPARE_DISK = 2**28  # bytes that a cache leaves free

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Array:
    """A file of pictures of one shape."""

    name: str
    count: int
    picture_shape: tuple[int, ...]
    dtype: type[np.uint8 | np.uint16]

    @property
    def picture_bytes(self) -> int:
        return int(np.prod(self.picture_shape)) * np.dtype(self.dtype).itemsize

    def create(self, folder: Path) -> None:
        """An empty file of the full length, which takes room only as it is filled."""
        shape = (self.count, *self.picture_shape)
        np.lib.format.open_memmap(folder / f"{self.name}.npy", "w+", self.dtype, shape)

    def write(self, folder: Path, first_row: int, pictures: npt.NDArray[Any]) -> None:
        """Fill rows by writing: a full disk is an error then, where a mapped page would kill."""
        path = folder / f"{self.name}.npy"
        header = path.stat().st_size - self.count * self.picture_bytes
        with path.open("r+b") as file:
            file.seek(header + first_row * self.picture_bytes)
            file.write(pictures.tobytes())
            file.flush()
            os.fsync(file.fileno())


class CacheBuild:
    """The decoding of one pool at one size into one folder.

    Args:
        folder: appears when all is decoded.
        pool: the samples.
        size: (height, width).
        on_progress: called with the numbers of pictures decoded and to decode.
        workers: how many threads decode; by default one a core.
    """

    def __init__(
        self,
        folder: Path,
        pool: Pool,
        size: Size,
        on_progress: OnProgress,
        *,
        workers: int | None = None,
    ) -> None:
        self._folder, self._pool, self._size = folder, pool, size
        self._partial = folder.with_name(f".{folder.name}.partial")
        self._on_progress = on_progress
        self._worker_count = workers or os.cpu_count()
        count = len(pool.samples)
        self._backgrounds = _Array("backgrounds", pool.background_count, (*size, 3), np.uint8)
        self._pictures = [_Array("composites", count, (*size, 3), np.uint8)]
        if "mask" in pool.kinds:
            self._pictures.append(_Array("masks", count, size, np.uint8))
        if "depth" in pool.kinds:
            self._pictures.append(_Array("depths", count, size, pool.depth_dtype))
            if pool.has_invalid_depth:
                self._pictures.append(_Array("depth_valid", count, size, np.uint8))

    def _arrays(self) -> list[_Array]:
        return [*([self._backgrounds] if self._pool.background_count else []), *self._pictures]

    def bytes_needed(self) -> int:
        """What the finished cache takes."""
        return sum(array.count * array.picture_bytes for array in self._arrays())

    def has_room(self) -> bool:
        """Whether the disk can take what is still to be decoded."""
        # What an earlier build has filled; the system counts in blocks of 512 bytes.
        there = sum(file.stat().st_blocks * 512 for file in self._partial.glob("*.npy"))
        free = shutil.disk_usage(self._folder.parent).free
        return self.bytes_needed() - there + SPARE_DISK <= free

    def run(self) -> None:
        """Decode what an earlier build has not, and put the folder in its place.

        Raises:
            InputError: an entry is at fault; what was decoded is removed.
            OSError: the disk is full; likewise.
        """
        self._partial.mkdir(parents=True, exist_ok=True)
        try:
            self._decode()
            self._finish()
        except (InputError, OSError):
            shutil.rmtree(self._partial, ignore_errors=True)
            raise

    def _decode(self) -> None:
        state = self._partial / "state.json"
        if state.exists():
            done = json.loads(state.read_text(encoding="utf-8"))
        else:
            done = {"backgrounds": 0, "samples": 0}
            for array in self._arrays():
                array.create(self._partial)
        phases = {
            "backgrounds": ([self._backgrounds], self._decode_background),
            "samples": (self._pictures, self._decode_sample),
        }
        counts = {name: arrays[0].count for name, (arrays, _) in phases.items()}
        with ThreadPoolExecutor(self._worker_count) as workers:
            try:
                for name, (arrays, decode) in phases.items():
                    while done[name] < counts[name]:
                        first, before = done[name], sum(done.values())
                        chunk = min(counts[name] - first, _rows_in_chunk(arrays))
                        rows = range(first, first + chunk)
                        buffers = [np.empty((chunk, *a.picture_shape), a.dtype) for a in arrays]
                        for place, pictures in enumerate(workers.map(decode, rows)):
                            for buffer, picture in zip(buffers, pictures, strict=True):
                                buffer[place] = picture
                            self._on_progress(before + place + 1, sum(counts.values()))
                        for array, buffer in zip(arrays, buffers, strict=True):
                            array.write(self._partial, first, buffer)
                        done[name] += chunk
                        _replace(state, json.dumps(done))
            except BaseException:
                workers.shutdown(cancel_futures=True)
                raise

    def _decode_background(self, row: int) -> tuple[npt.NDArray[Any], ...]:
        return (self._pool.background(row, self._size),)

    def _decode_sample(self, row: int) -> tuple[npt.NDArray[Any], ...]:
        """The pictures of one sample, as `_pictures` lists them."""
        pool, size = self._pool, self._size
        pictures: list[npt.NDArray[Any]] = [pool.composite(row, size)]
        if "mask" in pool.kinds:
            pictures.append(pool.mask(row, size))
        if "depth" in pool.kinds:
            depth, valid = pool.depth(row, size)
            pictures += [pool.coded_depth(depth), valid]
        return tuple(pictures[: len(self._pictures)])

    def _finish(self) -> None:
        valid = self._partial / "depth_valid.npy"
        if valid.exists() and _all_ones(valid):
            valid.unlink()
        samples = self._pool.samples.assign(background_row=self._pool.background_rows)
        samples.to_parquet(self._partial / "samples.parquet")
        (self._partial / "state.json").unlink()
        self._partial.rename(self._folder)


def _rows_in_chunk(arrays: list[_Array]) -> int:
    return max(1, CHUNK_BYTES // sum(array.picture_bytes for array in arrays))


def _all_ones(path: Path) -> bool:
    pictures = np.load(path, mmap_mode="r")
    rows = max(1, CHUNK_BYTES // max(1, pictures[:1].nbytes))
    return all(pictures[at : at + rows].all() for at in range(0, len(pictures), rows))


def _replace(path: Path, text: str) -> None:
    """Write a small file so that it is either the old or the new one."""
    aside = path.with_suffix(".new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
