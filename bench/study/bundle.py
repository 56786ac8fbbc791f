"""A study in one file: a zip of what it keeps, with a manifest that says what has to be in it.

The same study gives the same bytes: entries are in order, without times, and stored as they are.
Tables are compressed already, and an entry that is not can claim no size but its own.

| entry | what |
|---|---|
| ``grids/...``, ``cells/...``, ``trials/...``, ``throughput/...`` | as `bench.study.places` says |
| ``leaderboard.md``, ``report.html`` | the report, for readers without this project |
| ``LICENSE`` | under which licence it is published |
| ``manifest.json`` | a `Manifest` |
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from pydantic import NonNegativeInt

from bench.errors import InputError
from bench.files import atomic_path
from bench.study import checksums, places
from bench.study.intact import check_intact
from bench.study.record import Digest, Frozen
from bench.study.results import Results
from bench.study.study import Study

MANIFEST = "manifest.json"
KIND: Final = "maskdepth-bench study"
LICENSE = "LICENSE"
REPORTS = frozenset({"leaderboard.md", "report.html"})
FORMAT: Final = 2
KNOWN_FORMATS = (1, FORMAT)  # the first has no reports and no licence
EARLIEST = (1980, 1, 1, 0, 0, 0)  # time that a zip can hold
PERMISSIONS = 0o100644  # of a plain file


class BundledFile(Frozen):
    """A file of the study, or beside it.

    Attributes:
        path: in the study's folder.
        size: in bytes.
    """

    path: str
    size: NonNegativeInt
    sha256: Digest


class Manifest(Frozen):
    """What a bundle holds.

    Attributes:
        title: the name of the study's folder.
        version: of this project, that wrote it.
        files: all but the manifest: those of the study, then the others, by their paths.
    """

    kind: Literal["maskdepth-bench study"] = KIND
    format: Literal[1, 2] = FORMAT
    title: str
    version: str
    files: tuple[BundledFile, ...]


def bundle(
    folder: Path,
    file: Path,
    *,
    version: str,
    reports: Mapping[str, bytes] | None = None,
    licence: bytes | None = None,
) -> None:
    """Write a study into one file; what is no part of it, as notes beside its cells, stays behind.

    Args:
        folder: of the study.
        file: which must not exist.
        version: of this project.
        reports: of the study, by their names, which are among `REPORTS`.
        licence: the text of its file; by default that of the file in the study's folder, if there
            is one.

    Raises:
        InputError: the study is damaged, or the file exists or cannot be written.
    """
    results = Study(folder).load()
    check_intact(results)
    if os.path.lexists(file):
        raise InputError(f"{file} exists already")
    paths = sorted(_paths(results))
    beside = dict(reports or {})
    try:
        if licence is not None:
            beside[LICENSE] = licence
        elif (folder / LICENSE).is_file():
            beside[LICENSE] = (folder / LICENSE).read_bytes()
        with atomic_path(file) as partial, ZipFile(partial, "w", ZIP_STORED) as archive:
            files = [_add(archive, path, (folder / path).read_bytes()) for path in paths]
            files += [_add(archive, name, beside[name]) for name in sorted(beside)]
            manifest = Manifest(title=folder.resolve().name, version=version, files=tuple(files))
            _add(archive, MANIFEST, manifest.model_dump_json(indent=1).encode() + b"\n")
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from None


def _paths(results: Results) -> Iterator[str]:
    for place in results.kept():
        for name in [*checksums.listed(results.folder / place), checksums.FILE]:
            if not places.is_file_of_study(f"{place}/{name}"):
                raise InputError(
                    f"{results.folder / place}: {checksums.FILE} lists {name}, which is no file of "
                    "a study; take it out of the folder and of the list"
                )
            yield f"{place}/{name}"


def _add(archive: ZipFile, path: str, content: bytes) -> BundledFile:
    entry = ZipInfo(path, EARLIEST)
    entry.create_system = 3  # the same wherever it is written
    entry.external_attr = PERMISSIONS << 16
    archive.writestr(entry, content)
    return BundledFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())
