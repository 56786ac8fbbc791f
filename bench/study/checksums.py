"""Checksums of the files of a folder, in the format of ``sha256sum --check``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from pathlib import Path

FILE = "SHA256SUMS"
_LINE = re.compile(
    r"(?P<digest>[0-9a-f]{64})  (?P<name>\w[\w.-]*)"
)  # a name leads to no other folder


def write(folder: Path) -> None:
    """Write the checksums of all files that are in the folder."""
    lines = [f"{_sha256(path)}  {path.name}\n" for path in sorted(folder.iterdir())]
    (folder / FILE).write_text("".join(lines), encoding="utf-8")


def problem(folder: Path, names: Collection[str] | None = None) -> str | None:
    """Return what is wrong with the files, or None if they are as they were written.

    Args:
        folder: that `write` was called with.
        names: of the files to check; by default all that are listed.
    """
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return f"{FILE}: cannot be read ({error})"
    listed = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            return f"{FILE}: {line[:100]!r} is not a checksum, two spaces and the name of a file"
        listed[found["name"]] = found["digest"]
    for name in listed if names is None else names:
        if name not in listed:
            return f"{FILE}: does not list {name}"
        try:
            changed = _sha256(folder / name) != listed[name]
        except OSError as error:
            return f"{name}: cannot be read ({error.strerror})"
        if changed:
            return f"{name}: was changed after it was written"
    return None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
