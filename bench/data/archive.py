"""Zip archives, read in place: entries by name, never extracted."""

from __future__ import annotations

import hashlib
import threading
import zipfile
import zlib
from pathlib import Path

from bench.errors import InputError


class Archive:
    """A zip opened for reading, by any number of threads at once.

    Attributes:
        path: where the zip lies.
        names: every entry, in the archive's order.

    Raises:
        InputError: the file is missing, no zip, or truncated.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handles = threading.local()
        self.names = tuple(info.filename for info in self._handle().infolist() if not info.is_dir())

    def _handle(self) -> zipfile.ZipFile:
        """This thread's own handle: a shared one would seek under a lock."""
        handle: zipfile.ZipFile | None = getattr(self._handles, "zip", None)
        if handle is None:
            try:
                handle = self._handles.zip = zipfile.ZipFile(self.path)
            except FileNotFoundError:
                raise InputError(f"{self.path}: no such archive") from None
            except (zipfile.BadZipFile, OSError) as error:
                raise InputError(
                    f"{self.path}: not a zip archive, or truncated ({error}); fetch or make it anew"
                ) from None
        return handle

    def read(self, name: str) -> bytes:
        """The bytes of one entry.

        Raises:
            InputError: the entry is missing or damaged.
        """
        try:
            return self._handle().read(name)
        except KeyError:
            raise InputError(f"{self.path}: has no entry {name}") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise InputError(f"{self.path}: {name}: damaged entry ({error})") from None

    def fingerprint(self) -> str:
        """A digest of the entries' names, sizes and checksums: changes whenever a content does."""
        digest = hashlib.sha256()
        for info in self._handle().infolist():
            digest.update(f"{info.filename}\0{info.file_size}\0{info.CRC}\n".encode())
        return digest.hexdigest()
