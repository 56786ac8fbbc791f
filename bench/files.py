"""Files and folders that appear whole or not at all, whatever ends the process meanwhile."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_HOST = re.sub(r"[^\w.-]", "", platform.node())
# Of Linux's renameat2(2); relative paths start from the working folder.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


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

    Folders on the way are made. If the block raises an exception, what it wrote is removed. Where
    ``path`` is a link, it stays, and the file that it points to is replaced.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    partial = path.with_name(f"{_prefix(path)}partial")
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

    If the block raises an exception, what it wrote is removed. A process that is killed leaves the
    old folder or the new one at ``path``, whole, on a file system on which two folders can change
    places in one step.

    Raises:
        OSError: it cannot be written, or ``path`` cannot be replaced: it is no folder, a link, or
            where a file system is mounted. What was at ``path`` before is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent, path.name)
    partial = Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))
    try:
        yield partial
        for entry in partial.rglob("*"):
            if not entry.is_symlink():
                _flush(entry)
        partial.chmod(0o755)
        try:
            partial.rename(path)
        except OSError:
            if path.is_symlink() or not path.is_dir():
                raise
            _exchange(partial, path)
        _flush(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder, which is there whole or not at all.

    Raises:
        OSError: it is not there, or the folder around it cannot be written to.
    """
    aside = path.with_name(f"{_prefix(path)}removed")
    path.rename(aside)
    _flush(path.parent)
    shutil.rmtree(aside, ignore_errors=True)


def remove_leftovers(folder: Path, name: str = "*") -> None:
    """Remove what processes of this machine that are no more were about to write or to remove.

    Args:
        folder: where they did.
        name: of what it was; by default anything.
    """
    for partial in folder.glob(f".{name}~{_HOST}~*~*"):
        process = partial.name.split("~")[-2]
        if process.isdecimal() and not _lives(int(process)):
            if partial.is_dir() and not partial.is_symlink():
                shutil.rmtree(partial, ignore_errors=True)
            else:
                partial.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    """How the name of a partial file or folder begins: it tells who writes it."""
    return f".{path.name}~{_HOST}~{os.getpid()}~"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of another user
    return True


def _exchange(one: Path, other: Path) -> None:
    """Have two folders change places, in one step where the system can."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        places = os.fsencode(one), os.fsencode(other)
        if not renameat2(_AT_FDCWD, places[0], _AT_FDCWD, places[1], _RENAME_EXCHANGE):
            return
        code = ctypes.get_errno()
        if code not in {errno.ENOSYS, errno.EINVAL}:  # the kernel or the file system cannot
            raise OSError(code, os.strerror(code), str(other))
    aside = Path(tempfile.mkdtemp(dir=other.parent, prefix=_prefix(other)))
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _flush(path: Path) -> None:
    """Have the system write a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
