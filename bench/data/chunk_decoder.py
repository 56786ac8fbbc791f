"""Decode a pool of samples chunk by chunk into the files of a cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.data.cache_manifest import digest_of
from bench.data.sample_pool import SamplePool
from bench.settings.base import Size

CHUNK_BYTES = 2**25  # decoded at a time, and lost at most when a build is stopped


@dataclass(frozen=True)
class ArrayFile:
    """A file of images of one shape, while it is filled."""

    name: str
    count: int
    image_shape: tuple[int, ...]
    dtype: type[np.uint8 | np.uint16]

    @property
    def image_bytes(self) -> int:
        """Of one image."""
        return int(np.prod(self.image_shape)) * np.dtype(self.dtype).itemsize

    @property
    def bytes(self) -> int:
        """Of all images."""
        return self.count * self.image_bytes

    def create(self, folder: Path) -> None:
        """An empty file of the full length, which takes room only as it is filled."""
        shape = (self.count, *self.image_shape)
        np.lib.format.open_memmap(folder / f"{self.name}.npy", "w+", self.dtype, shape)

    def is_there(self, folder: Path) -> bool:
        """Whether `create` was called, and the file was not cut since."""
        path = folder / f"{self.name}.npy"
        return path.is_file() and path.stat().st_size > self.bytes

    def write(self, folder: Path, first_row: int, images: npt.NDArray[Any]) -> str:
        """Fill rows by writing: a full disk is an error then, where a mapped page would kill.

        Returns:
            The digest of what was written.
        """
        path = folder / f"{self.name}.npy"
        header = path.stat().st_size - self.bytes
        with path.open("r+b") as file:
            file.seek(header + first_row * self.image_bytes)
            file.write(images.tobytes())
            file.flush()
            os.fsync(file.fileno())
        return digest_of(images)


class Chunk(NamedTuple):
    """Some rows: of the backgrounds, or of all that samples have."""

    kind: str
    first: int
    rows: int


Digests = dict[str, str]  # of what was written of a chunk, by the array's name
Buffers = dict[str, npt.NDArray[Any]]  # what is to be written, by the array's name


class ChunkDecoder:
    """What every thread and process needs to decode a chunk and write it to the files.

    Args:
        pool: the samples.
        size: (height, width).
        folder: of the files.
    """

    def __init__(self, pool: SamplePool, size: Size, folder: Path) -> None:
        self._pool, self._size, self._folder = pool, size, folder
        count = len(pool.samples)
        images = [ArrayFile("composites", count, (*size, 3), np.uint8)]
        if "mask" in pool.kinds:
            images.append(ArrayFile("masks", count, size, np.uint8))
            if "unknown" in pool.kinds:
                images.append(ArrayFile("mask_valid", count, size, np.uint8))
        if "depth" in pool.kinds:
            images.append(ArrayFile("depths", count, size, pool.depth_dtype))
            if pool.has_invalid_depth:
                images.append(ArrayFile("depth_valid", count, size, np.uint8))
        self._arrays: dict[str, list[ArrayFile]] = {"samples": images}
        if pool.background_count:
            background = ArrayFile("backgrounds", pool.background_count, (*size, 3), np.uint8)
            self._arrays = {"backgrounds": [background], "samples": images}

    def arrays(self) -> list[ArrayFile]:
        """Every file of images."""
        return [array for arrays in self._arrays.values() for array in arrays]

    def chunks(self) -> list[Chunk]:
        """All chunks, in order; the same for every build of one cache."""
        found = []
        for kind, arrays in self._arrays.items():
            rows = max(1, CHUNK_BYTES // sum(array.image_bytes for array in arrays))
            count = arrays[0].count
            found += [Chunk(kind, at, min(rows, count - at)) for at in range(0, count, rows)]
        return found

    def buffers(self, chunk: Chunk) -> Buffers:
        """Room for a chunk."""
        return {
            array.name: np.empty((chunk.rows, *array.image_shape), array.dtype)
            for array in self._arrays[chunk.kind]
        }

    def fill(self, chunk: Chunk, buffers: Buffers, group: range) -> None:
        """Decode some of a chunk's rows into its buffers.

        Raises:
            InputError: an entry is at fault.
        """
        pool, size = self._pool, self._size
        for place in group:
            row = chunk.first + place
            if chunk.kind == "backgrounds":
                buffers["backgrounds"][place] = pool.background(row, size)
                continue
            buffers["composites"][place] = pool.composite(row, size)
            if "masks" in buffers:
                mask = pool.mask(row, size)
                buffers["masks"][place] = mask.object
                if "mask_valid" in buffers:
                    buffers["mask_valid"][place] = mask.valid
            if "depths" in buffers:
                depth, valid = pool.depth(row, size)
                buffers["depths"][place] = pool.coded_depth(depth)
                if "depth_valid" in buffers:
                    buffers["depth_valid"][place] = valid

    def write(self, chunk: Chunk, buffers: Buffers) -> Digests:
        """Put a chunk into the files.

        Raises:
            OSError: the disk is full.
        """
        return {
            array.name: array.write(self._folder, chunk.first, buffers[array.name])
            for array in self._arrays[chunk.kind]
        }
