"""Decode a pool of samples into the arrays of a cache, chunk by chunk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.data.sample_pool import SamplePool
from bench.errors import InputError
from bench.files import write_atomically
from bench.machine.processes import answer_all
from bench.machine.worker_pool import Died, map_unordered
from bench.settings.base import Size

CHUNK_BYTES = 2**25  # decoded at a time, and lost at most when a build is stopped
SPARE_DISK = 2**28  # bytes that a cache leaves free

PROCESSES_FROM = 8192  # samples; decoding fewer takes about as long as starting processes does
LARGEST_GROUP = 32  # samples that a thread decodes before it asks for more

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Array:
    """A file of images of one shape."""

    name: str
    count: int
    image_shape: tuple[int, ...]
    dtype: type[np.uint8 | np.uint16]

    @property
    def image_bytes(self) -> int:
        return int(np.prod(self.image_shape)) * np.dtype(self.dtype).itemsize

    def create(self, folder: Path) -> None:
        """An empty file of the full length, which takes room only as it is filled."""
        shape = (self.count, *self.image_shape)
        np.lib.format.open_memmap(folder / f"{self.name}.npy", "w+", self.dtype, shape)

    def write(self, folder: Path, first_row: int, images: npt.NDArray[Any]) -> None:
        """Fill rows by writing: a full disk is an error then, where a mapped page would kill."""
        path = folder / f"{self.name}.npy"
        header = path.stat().st_size - self.count * self.image_bytes
        with path.open("r+b") as file:
            file.seek(header + first_row * self.image_bytes)
            file.write(images.tobytes())
            file.flush()
            os.fsync(file.fileno())


class _Job(NamedTuple):
    """A chunk of rows: of the backgrounds, or of all that samples have."""

    kind: str
    first: int
    rows: int


class _ProcessDiedError(InputError):
    """A process that decoded was ended from outside; what is decoded is sound."""


class CacheBuild:
    """The decoding of one pool at one size into one folder.

    Args:
        folder: appears when all is decoded.
        pool: the samples.
        size: (height, width).
        on_progress: called with the numbers of images decoded and to decode.
        workers: how many processes, or threads, decode; by default one a core. Processes scale
            better, but each takes seconds to start: they are for `PROCESSES_FROM` samples and more.
    """

    def __init__(
        self,
        folder: Path,
        pool: SamplePool,
        size: Size,
        on_progress: OnProgress,
        *,
        workers: int | None = None,
    ) -> None:
        self._folder, self._pool = folder, pool
        self._partial = folder.with_name(f".{folder.name}.partial")
        self._on_progress = on_progress
        self._workers = workers or os.cpu_count() or 1
        self._decoder = _Decoder(pool, size, self._partial)

    def bytes_needed(self) -> int:
        """What the finished cache takes."""
        return sum(array.count * array.image_bytes for array in self._decoder.arrays())

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
        except _ProcessDiedError:
            raise
        except (InputError, OSError):
            shutil.rmtree(self._partial, ignore_errors=True)
            raise

    def _decode(self) -> None:
        state = self._partial / "state.json"
        if state.exists():
            done = {_Job(*job) for job in json.loads(state.read_text(encoding="utf-8"))}
        else:
            done = set()
            for array in self._decoder.arrays():
                array.create(self._partial)
        jobs = self._decoder.jobs()
        total = sum(job.rows for job in jobs)
        before = sum(job.rows for job in done)
        left = [job for job in jobs if job not in done]
        many = sum(job.rows for job in left) >= PROCESSES_FROM and self._workers > 1
        for job, decoded in (self._by_processes if many else self._by_threads)(left):
            self._on_progress(before + decoded, total)
            if decoded == job.rows:
                done.add(job)
                before += job.rows
                write_atomically(state, json.dumps(sorted(done)).encode())

    def _by_threads(self, jobs: list[_Job]) -> Iterator[tuple[_Job, int]]:
        """One chunk after the other, each shared out to threads; says how far each is."""
        with ThreadPoolExecutor(self._workers) as workers:
            for job in jobs:
                buffers = self._decoder.buffers(job)
                groups = _groups(job, self._workers)
                try:
                    for group, _ in zip(
                        groups,
                        workers.map(partial(self._decoder.fill, job, buffers), groups),
                        strict=True,
                    ):
                        if group.stop < job.rows:
                            yield job, group.stop
                except BaseException:
                    workers.shutdown(cancel_futures=True)
                    raise
                self._decoder.write(job, buffers)
                yield job, job.rows

    def _by_processes(self, jobs: list[_Job]) -> Iterator[tuple[_Job, int]]:
        """Each chunk by one of several processes."""
        # Backgrounds first, as the order of the jobs has it; nothing depends on it.
        for job, answer in map_unordered(jobs, self._workers, _serve, self._decoder):
            if isinstance(answer, Died):
                raise _ProcessDiedError(f"decoding: {answer.ending}; the same command goes on")
            if isinstance(answer, Exception):
                raise answer
            yield job, job.rows

    def _finish(self) -> None:
        valid = self._partial / "depth_valid.npy"
        if valid.exists() and _all_ones(valid):
            valid.unlink()
        samples = self._pool.samples.assign(background_row=self._pool.background_rows)
        samples.to_parquet(self._partial / "samples.parquet")
        (self._partial / "state.json").unlink()
        self._partial.rename(self._folder)


class _Decoder:
    """What every thread and process needs to decode a chunk and write it to the files."""

    def __init__(self, pool: SamplePool, size: Size, folder: Path) -> None:
        self._pool, self._size, self._folder = pool, size, folder
        count = len(pool.samples)
        images = [_Array("composites", count, (*size, 3), np.uint8)]
        if "mask" in pool.kinds:
            images.append(_Array("masks", count, size, np.uint8))
        if "depth" in pool.kinds:
            images.append(_Array("depths", count, size, pool.depth_dtype))
            if pool.has_invalid_depth:
                images.append(_Array("depth_valid", count, size, np.uint8))
        self._arrays: dict[str, list[_Array]] = {"samples": images}
        if pool.background_count:
            background = _Array("backgrounds", pool.background_count, (*size, 3), np.uint8)
            self._arrays = {"backgrounds": [background], "samples": images}

    def arrays(self) -> list[_Array]:
        """Every file of the cache."""
        return [array for arrays in self._arrays.values() for array in arrays]

    def jobs(self) -> list[_Job]:
        """All chunks, in order; the same for every build of one cache."""
        found = []
        for kind, arrays in self._arrays.items():
            rows = max(1, CHUNK_BYTES // sum(array.image_bytes for array in arrays))
            count = arrays[0].count
            found += [_Job(kind, at, min(rows, count - at)) for at in range(0, count, rows)]
        return found

    def buffers(self, job: _Job) -> dict[str, npt.NDArray[Any]]:
        """Room for a chunk, by the arrays' names."""
        return {
            array.name: np.empty((job.rows, *array.image_shape), array.dtype)
            for array in self._arrays[job.kind]
        }

    def fill(self, job: _Job, buffers: dict[str, npt.NDArray[Any]], group: range) -> None:
        """Decode some of a chunk's rows into its buffers."""
        pool, size = self._pool, self._size
        for place in group:
            row = job.first + place
            if job.kind == "backgrounds":
                buffers["backgrounds"][place] = pool.background(row, size)
                continue
            buffers["composites"][place] = pool.composite(row, size)
            if "masks" in buffers:
                buffers["masks"][place] = pool.mask(row, size)
            if "depths" in buffers:
                depth, valid = pool.depth(row, size)
                buffers["depths"][place] = pool.coded_depth(depth)
                if "depth_valid" in buffers:
                    buffers["depth_valid"][place] = valid

    def write(self, job: _Job, buffers: dict[str, npt.NDArray[Any]]) -> None:
        """Put a chunk into the files."""
        for array in self._arrays[job.kind]:
            array.write(self._folder, job.first, buffers[array.name])


def _serve(connection: Connection, decoder: _Decoder) -> None:
    """Decode the chunks that come through the connection, until it is closed."""

    def decode(job: _Job) -> Exception | None:
        try:
            buffers = decoder.buffers(job)
            decoder.fill(job, buffers, range(job.rows))
            decoder.write(job, buffers)
        except (InputError, OSError) as error:
            return error
        return None

    answer_all(connection, decode)


def _groups(job: _Job, workers: int) -> list[range]:
    """A chunk's rows in groups large enough that handing them out costs nothing."""
    size = max(1, min(LARGEST_GROUP, job.rows // (4 * workers)))
    return [range(at, min(at + size, job.rows)) for at in range(0, job.rows, size)]


def _all_ones(path: Path) -> bool:
    images = np.load(path, mmap_mode="r")
    rows = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    return all(images[at : at + rows].all() for at in range(0, len(images), rows))
