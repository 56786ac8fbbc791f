"""Files and folders that appear whole or not at all, whatever ends the process meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its place, flush it to the disk, and rename it.

    Raises:
        OSError: it cannot be written; what was at ``path`` before is as it was.
    """
    with atomic_path(path) as partial:
        partial.write_bytes(content)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; the file replaces ``path`` if the block succeeds.

    Folders on the way are made. If the block raises an exception, what it wrote is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        _flush(partial)
        partial.replace(path)
        _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside ``path`` to fill; it replaces ``path`` if the block succeeds.

    If the block raises an exception, what it wrote is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        yield partial
        for file in partial.iterdir():
            _flush(file)
        partial.chmod(0o755)
        try:
            partial.rename(path)
        except OSError:
            if not path.exists():
                raise
            replaced = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
            path.rename(replaced)
            partial.rename(path)
            shutil.rmtree(replaced)
        _flush(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _flush(path: Path) -> None:
    """Have the system write a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
