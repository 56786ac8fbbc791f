"""What a cache's folder holds, by size and digest, so that damage is seen when it is opened."""

from __future__ import annotations

import hashlib
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from bench.errors import InputError
from bench.files import write_atomically

CHECKED_BYTES = 2**27  # a larger cache is read only in part when it is opened

_MANIFEST = "manifest.json"
_SAMPLES = "samples.parquet"


class DamagedCacheError(InputError):
    """A cache does not hold what was written."""


class StoredArray(BaseModel):
    """A file of numbers, ``<name>.npy``, written and checked by chunks of rows.

    Attributes:
        shape, dtype: of the whole.
        file_bytes: size of the file, which begins with a header.
        chunk_rows: how many rows each chunk has; the last may have fewer.
        digests: SHA-256 of each chunk's bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: tuple[int, ...]
    dtype: str
    file_bytes: int
    chunk_rows: int
    digests: tuple[str, ...]

    @property
    def bytes(self) -> int:
        """Of all rows."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def chunk(self, array: npt.NDArray[Any], number: int) -> npt.NDArray[Any]:
        """The rows of one chunk."""
        return array[number * self.chunk_rows :][: self.chunk_rows]


class CacheManifest(BaseModel):
    """What a finished cache's folder holds.

    Attributes:
        arrays: by name.
        samples: SHA-256 of the table of samples.
        digest: SHA-256 of the above.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    arrays: dict[str, StoredArray]
    samples: str
    digest: str = ""

    @classmethod
    def write(cls, folder: Path, arrays: dict[str, StoredArray], samples: pd.DataFrame) -> None:
        """Put the table of samples, and then the manifest, beside the arrays."""
        samples.to_parquet(folder / _SAMPLES)
        table = hashlib.sha256((folder / _SAMPLES).read_bytes()).hexdigest()
        manifest = cls(arrays=arrays, samples=table)
        manifest = manifest.model_copy(update={"digest": manifest.own_digest()})
        write_atomically(folder / _MANIFEST, manifest.model_dump_json().encode())

    @classmethod
    def read(cls, folder: Path) -> CacheManifest:
        """The manifest of a cache.

        Raises:
            DamagedCacheError: it is missing, or not what was written.
        """
        try:
            manifest = cls.model_validate_json((folder / _MANIFEST).read_bytes())
        except (OSError, ValueError):
            raise DamagedCacheError(f"{folder / _MANIFEST} cannot be read") from None
        if manifest.digest != manifest.own_digest():
            raise DamagedCacheError(f"{folder / _MANIFEST} is not what was written")
        return manifest

    def own_digest(self) -> str:
        """What `digest` has to be."""
        return hashlib.sha256(self.model_dump_json(exclude={"digest"}).encode()).hexdigest()

    def open_samples(self, folder: Path) -> pd.DataFrame:
        """The table of samples, checked.

        Raises:
            DamagedCacheError: it is not what was written.
        """
        try:
            content = (folder / _SAMPLES).read_bytes()
        except OSError as error:
            raise DamagedCacheError(f"{folder / _SAMPLES}: {error.strerror}") from None
        if hashlib.sha256(content).hexdigest() != self.samples:
            raise DamagedCacheError(f"{folder / _SAMPLES} is not what was written")
        return pd.read_parquet(folder / _SAMPLES)

    def open_arrays(self, folder: Path, *, whole: bool) -> dict[str, npt.NDArray[Any]]:
        """The arrays by name, memory-mapped and checked.

        Args:
            folder: of the cache.
            whole: compare every byte with what was written; otherwise, of a cache of more than
                `CHECKED_BYTES`, chunks drawn anew at each opening that hold about so many.

        Raises:
            DamagedCacheError: a file is missing or not what was written.
        """
        arrays = {name: self._open_array(folder, name) for name in self.arrays}
        chunks = [
            (name, number)
            for name, stored in self.arrays.items()
            for number in range(len(stored.digests))
        ]
        held = sum(stored.bytes for stored in self.arrays.values())
        if not whole and held > CHECKED_BYTES:
            # Not seeded: repeated openings are to see all of it in time.
            drawn = np.random.default_rng().permutation(len(chunks))
            chunks = [chunks[at] for at in drawn[: max(1, len(chunks) * CHECKED_BYTES // held)]]
        with ThreadPoolExecutor(os.cpu_count()) as workers:
            sound = workers.map(lambda chunk: self._is_sound(arrays, *chunk), chunks)
            for (name, _), is_sound in zip(chunks, sound, strict=True):
                if not is_sound:
                    raise DamagedCacheError(f"{folder / name}.npy is not what was written")
        return arrays

    def _open_array(self, folder: Path, name: str) -> npt.NDArray[Any]:
        path, stored = folder / f"{name}.npy", self.arrays[name]
        try:
            if path.stat().st_size != stored.file_bytes:
                raise DamagedCacheError(f"{path} has another size than was written")
            header = stored.file_bytes - stored.bytes
            return np.memmap(path, stored.dtype, "r", header, stored.shape)
        except OSError as error:
            raise DamagedCacheError(f"{path}: {error.strerror}") from None

    def _is_sound(self, arrays: dict[str, npt.NDArray[Any]], name: str, number: int) -> bool:
        stored = self.arrays[name]
        return digest_of(stored.chunk(arrays[name], number)) == stored.digests[number]


def digest_of(rows: npt.NDArray[Any]) -> str:
    """SHA-256 of the bytes of a chunk of rows, which lie one after the other."""
    return hashlib.sha256(rows.data.cast("B")).hexdigest()
