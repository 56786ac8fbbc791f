"""Checksums of the files of a folder, in the format of ``sha256sum --check``."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Collection, Mapping
from io import BufferedReader
from pathlib import Path

FILE = "SHA256SUMS"
_LINE = re.compile(
    r"(?P<digest>[0-9a-f]{64})  (?P<name>\w[\w.-]*)"
)  # a name leads to no other folder


def write(folder: Path, known: Mapping[str, str] | None = None) -> None:
    """Write the checksums of all files that are in the folder.

    Args:
        folder: of the files.
        known: of files that were copied, as `listed` has them: what was damaged or lost before
            stays told.
    """
    known = known or {}
    found = {path.name: _sha256(path) for path in folder.iterdir() if path.name not in known}
    lines = [f"{digest}  {name}\n" for name, digest in sorted((found | dict(known)).items())]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def listed(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file as `write` found it, by the file's name.

    Raises:
        ValueError: the list cannot be read; the message says why.
    """
    try:
        with _open(folder / FILE) as file:
            lines = file.read().decode().splitlines()
    except OSError as error:
        raise ValueError(f"{FILE}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{FILE}: cannot be read ({error})") from None
    digests = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(
                f"{FILE}: {line[:100]!r} is not a checksum, two spaces and the name of a file"
            )
        digests[found["name"]] = found["digest"]
    return digests


def problem(folder: Path, names: Collection[str] | None = None) -> str | None:
    """Return what is wrong with the files, or None if they are as they were written.

    Args:
        folder: that `write` was called with.
        names: of the files to check; by default all that are listed.
    """
    try:
        digests = listed(folder)
    except ValueError as error:
        return str(error)
    for name in digests if names is None else names:
        if name not in digests:
            return f"{FILE}: does not list {name}"
        try:
            changed = _sha256(folder / name) != digests[name]
        except OSError as error:
            return f"{name}: cannot be read ({error.strerror})"
        if changed:
            return f"{name}: was changed after it was written"
    return None


def _sha256(path: Path) -> str:
    with _open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path) -> BufferedReader:
    """A file to read: a pipe or a device in its place might have no end."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.ENODEV, "it is no file")
    return path.open("rb")
