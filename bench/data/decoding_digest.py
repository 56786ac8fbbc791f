"""What a cache was made by: a digest of all that decides its bytes, but for the archives."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

SOURCES = (
    "data/archive.py",
    "data/cache_build.py",
    "data/cache_manifest.py",
    "data/central_directory.py",
    "data/chunk_decoder.py",
    "data/decode.py",
    "data/entries.py",
    "data/images.py",
    "data/layouts/*.py",
    "data/plasma.csv",
    "data/sample_pool.py",
    "data/selection.py",
    "settings/data.py",
    "settings/name_pattern.py",
)
LIBRARIES = ("kornia_rs", "numpy", "pillow", "pyarrow", "simplejpeg", "torch")


PACKAGE = Path(__file__).parents[1]


def sources(package: Path = PACKAGE) -> Iterator[Path]:
    """Give the files of code that decide what an archive's images are decoded to.

    Args:
        package: the folder of ``bench``.
    """
    for pattern in SOURCES:
        yield from sorted(package.glob(pattern))


@functools.cache
def decoding_digest(package: Path = PACKAGE) -> str:
    """SHA-256 of the sources that decode and of the versions of the libraries that they call.

    Args:
        package: the folder of ``bench``.
    """
    digest = hashlib.sha256()
    for file in sources(package):
        digest.update(file.read_bytes())
    for name in LIBRARIES:
        digest.update(f"{name} {metadata.version(name)}\n".encode())
    return digest.hexdigest()
