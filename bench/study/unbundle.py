"""From a bundle to a study. What is in the file is data from elsewhere: nothing of it is believed.

Before anything is written, names, sizes and kinds of all entries are checked; each file's checksum
before it is written; and the study has to be whole before its folder gets its name.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pydantic import BaseModel, ValidationError

from bench.errors import InputError
from bench.files import atomic_folder
from bench.study import places
from bench.study.bundle import (
    KIND,
    KNOWN_FORMATS,
    LICENSE,
    MANIFEST,
    REPORTS,
    BundledFile,
    Manifest,
)
from bench.study.intact import damage
from bench.study.study import Study
from bench.text import printable, shortened

LARGEST_MANIFEST = 2**26  # bytes, for some 300,000 files
ENCRYPTED = 0x1
# What zipfile raises where a file is no zip, is cut off, or contradicts itself.
MALFORMED = (
    BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)


class _Header(BaseModel):
    """What the manifests of all formats have."""

    kind: str
    format: int


def unbundle(file: Path, out: Path) -> None:
    """Unpack a bundle into a new folder, or leave nothing.

    Its reports are left out: they are pages from elsewhere, and are made again from what was kept.

    Args:
        file: that `bench.study.bundle.bundle` wrote.
        out: a folder that is not there, or empty.

    Raises:
        InputError: the file is no bundle, of an unknown format, damaged, or holds what is no part
            of a study; or the folder cannot be written to.
    """
    if os.path.lexists(out) and (out.is_symlink() or not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists already; give a new folder")
    try:
        with _opened(file) as archive:
            entries = _checked_entries(archive, file)
            files = _checked_files(archive, entries, file)
            with atomic_folder(out) as partial:
                for listed in files:
                    content = _content(archive, entries[listed.path], listed, file)
                    if listed.path in REPORTS:
                        continue
                    target = partial / listed.path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
                _check_study(partial, file)
    except OSError as error:
        raise InputError(f"{out}: cannot be written to: {error.strerror}") from None


@contextmanager
def _opened(file: Path) -> Iterator[ZipFile]:
    try:
        archive = ZipFile(file)
    except FileNotFoundError:
        raise InputError(f"{file}: no such file") from None
    except MALFORMED as error:
        raise InputError(f"{file}: no bundle, or cut off ({_in_a_line(error)})") from None
    with archive:
        yield archive


def _checked_entries(archive: ZipFile, file: Path) -> dict[str, ZipInfo]:
    """Return the entries by their names, if all are plain files, and no larger than the bundle."""
    entries: dict[str, ZipInfo] = {}
    for entry in archive.infolist():
        where = f"{file}: {_shown(entry.filename)}"
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if entry.filename in entries:
            raise InputError(f"{where}: stands twice in the bundle")
        if kind not in {0, stat.S_IFREG}:
            raise InputError(f"{where}: is a link, a folder or a device; a bundle has plain files")
        if entry.flag_bits & ENCRYPTED:
            raise InputError(f"{where}: is encrypted")
        if entry.compress_type != ZIP_STORED or entry.compress_size != entry.file_size:
            raise InputError(f"{where}: is compressed, where a bundle stores files as they are")
        entries[entry.filename] = entry
    # Entries that share their bytes would make a large study of a small file.
    if sum(entry.file_size for entry in entries.values()) > file.stat().st_size:
        raise InputError(f"{file}: its entries claim to be larger than the file")
    return entries


def _checked_files(
    archive: ZipFile, entries: Mapping[str, ZipInfo], file: Path
) -> tuple[BundledFile, ...]:
    """Return the files of the manifest, if they are those of a study and those of the bundle."""
    files = _manifest(archive, entries, file).files
    listed: set[str] = set()
    for one in files:
        where = f"{file}: {_shown(one.path)}"
        if not places.is_file_of_study(one.path) and one.path not in {LICENSE, *REPORTS}:
            raise InputError(f"{where}: is no file of a study")
        if one.path in listed:
            raise InputError(f"{where}: stands twice in {MANIFEST}")
        if one.path not in entries:
            raise InputError(f"{where}: is in {MANIFEST}, and not in the bundle")
        if entries[one.path].file_size != one.size:
            raise InputError(
                f"{where}: has {entries[one.path].file_size} bytes, and {one.size} by {MANIFEST}"
            )
        listed.add(one.path)
    for name in entries:
        if name not in listed and name != MANIFEST:
            raise InputError(f"{file}: {_shown(name)}: is not in {MANIFEST}")
    return files


def _manifest(archive: ZipFile, entries: Mapping[str, ZipInfo], file: Path) -> Manifest:
    where = f"{file}: {MANIFEST}"
    if MANIFEST not in entries:
        raise InputError(f"{where}: is not there; this is no file that `bench bundle` wrote")
    if entries[MANIFEST].file_size > LARGEST_MANIFEST:
        raise InputError(f"{where}: is larger than {LARGEST_MANIFEST} bytes")
    content = _read(archive, entries[MANIFEST], file)
    try:
        header = _Header.model_validate_json(content)
        if header.kind != KIND:
            raise InputError(f"{where}: is that of {_shown(header.kind)!r}, and not of a {KIND}")
        if header.format not in KNOWN_FORMATS:
            raise InputError(
                f"{where}: has format {_shown(str(header.format))}, and this version reads "
                f"{' and '.join(map(str, KNOWN_FORMATS))}; unpack it with the version that wrote it"
            )
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise InputError(f"{where}: {_shown(what)}") from None


def _content(archive: ZipFile, entry: ZipInfo, listed: BundledFile, file: Path) -> bytes:
    """Return the bytes of a file, if they are those that the manifest speaks of."""
    content = _read(archive, entry, file)
    if hashlib.sha256(content).hexdigest() != listed.sha256:
        raise InputError(f"{file}: {listed.path}: is not what {MANIFEST} has the checksum of")
    return content


def _read(archive: ZipFile, entry: ZipInfo, file: Path) -> bytes:
    try:
        return archive.read(entry)
    except MALFORMED as error:
        where = f"{file}: {_shown(entry.filename)}"
        raise InputError(f"{where}: cannot be read ({_in_a_line(error)})") from None


def _check_study(folder: Path, file: Path) -> None:
    """Raise an error if what was unpacked is no study, or a damaged one."""
    results = Study(folder).load_or_empty()
    for place, why in damage(results).items():
        raise InputError(f"{file}: {place}: {_shown(why)}")
    if not results.grids:
        raise InputError(f"{file}: holds no grid, and so no study")


def _in_a_line(error: BaseException) -> str:
    return _shown(str(error)) or type(error).__name__


def _shown(text: str) -> str:
    return shortened(printable(text), 200)
