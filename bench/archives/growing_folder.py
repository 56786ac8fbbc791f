"""A folder that outlives a killed program: a file in it is whole from the moment it is there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from bench.errors import InputError

_ASIDE = ".writing"


class GrowingFolder:
    """A folder beside its target that grows by whole files, over several runs.

    It is used as `GrowingZip` is. Its first file records what is being made; a folder with another
    record is left alone.

    Args:
        target: the folder to become; until then it is called ``<target>.partial``.
        record: name and content of the first file.

    Raises:
        InputError: the partial folder was begun with another record.
    """

    def __init__(self, target: Path, record: tuple[str, bytes]) -> None:
        self._target = target
        self._path = target.with_name(f"{target.name}.partial")
        self._path.mkdir(parents=True, exist_ok=True)
        name, content = record
        if {file.name for file in self._path.iterdir()} <= {_ASIDE}:
            self.write(name, content)
        elif name not in self or (self._path / name).read_bytes() != content:
            raise InputError(
                f"{self._path}: was begun with other settings or images; repeat that command to "
                "finish it, or delete it to start over"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __contains__(self, name: str) -> bool:
        return (self._path / name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """Add a file, in whatever folder its name says."""
        file = self._path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path / _ASIDE
        aside.write_bytes(content)
        aside.replace(file)

    def finish(self) -> None:
        """Put everything on the disk and give the folder its name."""
        (self._path / _ASIDE).unlink(missing_ok=True)
        os.sync()
        self._path.rename(self._target)
