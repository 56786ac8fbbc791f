"""The making of a cache: by threads or processes, and so that a stopped one goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from bench.data.cache_manifest import CacheManifest, StoredArray, digest_of
from bench.data.chunk_decoder import CHUNK_BYTES, Chunk, ChunkDecoder, Digests
from bench.data.sample_pool import SamplePool
from bench.errors import InputError
from bench.files import write_atomically
from bench.machine.processes import answer_all
from bench.machine.worker_pool import Died, map_unordered
from bench.settings.base import Size

SPARE_DISK = 2**28  # bytes that a cache leaves free

PROCESSES_FROM = 8192  # samples; decoding fewer takes about as long as starting processes does
LARGEST_GROUP = 32  # samples that a thread decodes before it asks for more

OnProgress = Callable[[int, int], None]


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
        self._state = self._partial / "state.json"
        self._on_progress = on_progress
        self._workers = workers or os.cpu_count() or 1
        self._decoder = ChunkDecoder(pool, size, self._partial)

    def bytes_needed(self) -> int:
        """What the finished cache takes."""
        return sum(array.bytes for array in self._decoder.arrays())

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
            self._finish(self._decode())
        except _ProcessDiedError:
            raise
        except (InputError, OSError):
            shutil.rmtree(self._partial, ignore_errors=True)
            raise

    def _decode(self) -> dict[Chunk, Digests]:
        """The digests of all chunks."""
        done = self._begun()
        chunks = self._decoder.chunks()
        total = sum(chunk.rows for chunk in chunks)
        before = sum(chunk.rows for chunk in done)
        left = [chunk for chunk in chunks if chunk not in done]
        many = sum(chunk.rows for chunk in left) >= PROCESSES_FROM and self._workers > 1
        for chunk, decoded, digests in (self._by_processes if many else self._by_threads)(left):
            self._on_progress(before + decoded, total)
            if digests is not None:
                done[chunk] = digests
                before += chunk.rows
                write_atomically(self._state, json.dumps(list(done.items())).encode())
        return {chunk: done[chunk] for chunk in chunks}

    def _begun(self) -> dict[Chunk, Digests]:
        """What an earlier build has decoded; nothing if its files are not as it left them."""
        arrays = self._decoder.arrays()
        if all(array.is_there(self._partial) for array in arrays):
            try:
                told = json.loads(self._state.read_bytes())
                return {Chunk(*chunk): digests for chunk, digests in told}
            except (OSError, ValueError, TypeError):
                pass
        for array in arrays:
            array.create(self._partial)
        return {}

    def _by_threads(self, chunks: list[Chunk]) -> Iterator[tuple[Chunk, int, Digests | None]]:
        """One chunk after the other, each shared out to threads; says how far each is."""
        with ThreadPoolExecutor(self._workers) as workers:
            for chunk in chunks:
                buffers = self._decoder.buffers(chunk)
                groups = _groups(chunk, self._workers)
                try:
                    for group, _ in zip(
                        groups,
                        workers.map(partial(self._decoder.fill, chunk, buffers), groups),
                        strict=True,
                    ):
                        if group.stop < chunk.rows:
                            yield chunk, group.stop, None
                except BaseException:
                    workers.shutdown(cancel_futures=True)
                    raise
                yield chunk, chunk.rows, self._decoder.write(chunk, buffers)

    def _by_processes(self, chunks: list[Chunk]) -> Iterator[tuple[Chunk, int, Digests]]:
        """Each chunk by one of several processes."""
        # Backgrounds first, as the order of the chunks has it; nothing depends on it.
        for chunk, answer in map_unordered(chunks, self._workers, _serve, self._decoder):
            if isinstance(answer, Died):
                raise _ProcessDiedError(f"decoding: {answer.ending}; the same command goes on")
            if isinstance(answer, Exception):
                raise answer
            yield chunk, chunk.rows, answer

    def _finish(self, done: dict[Chunk, Digests]) -> None:
        background_rows = self._pool.background_rows
        path = self._partial / "background_rows.npy"
        np.save(path, background_rows)
        stored = {
            path.stem: StoredArray(
                shape=background_rows.shape,
                dtype=background_rows.dtype.name,
                file_bytes=path.stat().st_size,
                chunk_rows=len(background_rows),
                digests=(digest_of(background_rows),),
            )
        }
        for array in self._decoder.arrays():
            path = self._partial / f"{array.name}.npy"
            if array.name in {"depth_valid", "mask_valid"} and _all_ones(path):
                path.unlink()
                continue
            written = [chunk for chunk, digests in done.items() if array.name in digests]
            stored[array.name] = StoredArray(
                shape=(array.count, *array.image_shape),
                dtype=np.dtype(array.dtype).name,
                file_bytes=path.stat().st_size,
                chunk_rows=written[0].rows,
                digests=tuple(done[chunk][array.name] for chunk in written),
            )
        CacheManifest.write(self._partial, stored, self._pool.samples)
        self._state.unlink()
        self._partial.rename(self._folder)


def _serve(connection: Connection, decoder: ChunkDecoder) -> None:
    """Decode the chunks that come through the connection, until it is closed."""

    def decode(chunk: Chunk) -> Digests | Exception:
        try:
            buffers = decoder.buffers(chunk)
            decoder.fill(chunk, buffers, range(chunk.rows))
            return decoder.write(chunk, buffers)
        except (InputError, OSError) as error:
            return error

    answer_all(connection, decode)


def _groups(chunk: Chunk, workers: int) -> list[range]:
    """A chunk's rows in groups large enough that handing them out costs nothing."""
    size = max(1, min(LARGEST_GROUP, chunk.rows // (4 * workers)))
    return [range(at, min(at + size, chunk.rows)) for at in range(0, chunk.rows, size)]


def _all_ones(path: Path) -> bool:
    images = np.load(path, mmap_mode="r")
    rows = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    return all(images[at : at + rows].all() for at in range(0, len(images), rows))
