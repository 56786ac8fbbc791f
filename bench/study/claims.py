"""Who is at work on what: claims by which two runs share one study and do nothing twice.

A claim is a lock on a file, which the system takes away when its process ends, however that
happens; the file says who has it, and how far the work is. Where the file system has no locks,
whoever holds a claim rewrites its file every few seconds, and one that is no longer rewritten is
taken over.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from bench.errors import InputError

BEAT_S = 5.0  # between two signs of life, where there are no locks
DEAD_S = 60.0  # without one, by the clock of whoever watches
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class Claims:
    """The claims that this process makes in a study.

    Args:
        folder: of the claims.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int | _Heartbeat] = {}
        self._watched: dict[str, tuple[bytes, float]] = {}  # what was in a file, and since when

    def take(self, name: str) -> bool:
        """Claim something, unless another run has.

        Raises:
            InputError: the folder cannot be written to.
        """
        if name in self._held:
            return True
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            claim = self._lock(self._folder / name)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be written to: {error.strerror}") from None
        if claim is not None:
            self._held[name] = claim
        return claim is not None

    def note(self, name: str, **known: JsonValue) -> None:
        """Write into a claim what others may want to know; nothing if it is not ours."""
        claim = self._held.get(name)
        content = json.dumps({"host": platform.node(), "process": os.getpid(), **known}).encode()
        with contextlib.suppress(OSError):
            if isinstance(claim, _Heartbeat):
                claim.write(content)
            elif claim is not None:
                os.pwrite(claim, content, 0)
                os.ftruncate(claim, len(content))

    def give_back(self, name: str) -> None:
        """Let others have what was claimed; nothing if it was not."""
        claim = self._held.pop(name, None)
        if claim is None:
            return
        if isinstance(claim, _Heartbeat):
            claim.end()
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()
        if isinstance(claim, int):
            os.close(claim)

    def others(self) -> bool:
        """Return whether another run has claimed anything; claims of dead ones are removed."""
        try:
            names = [path.name for path in self._folder.iterdir() if path.name not in self._held]
        except OSError:
            return False
        taken = []
        for name in names:
            if self.take(name):
                self.give_back(name)
            else:
                taken.append(name)
        return bool(taken)

    def give_all_back(self) -> None:
        """Let others have all of it."""
        for name in list(self._held):
            self.give_back(name)

    def _lock(self, path: Path) -> int | _Heartbeat | None:
        """The lock on a file, or None if another process has it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return None
            except OSError as error:
                os.close(descriptor)
                if error.errno not in _NO_LOCKS:
                    raise
                return self._beat(path)
            try:
                if path.stat().st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)  # of a file that its last holder has removed meanwhile

    def _beat(self, path: Path) -> _Heartbeat | None:
        """The same by signs of life."""
        content, now = path.read_bytes(), time.monotonic()
        before, since = self._watched.setdefault(path.name, (content, now))
        if content and content != before:
            self._watched[path.name] = content, now
            return None
        if content and now - since < DEAD_S:
            return None
        claim = _Heartbeat(path)
        time.sleep(BEAT_S / 10)  # of two that take it at one time, the later one has it
        if claim.is_ours():
            return claim
        claim.end()
        return None


def held(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each claim that some run has at this moment, with what it says of itself.

    Where the file system has no locks, those of runs that were killed are among them.
    """
    for path in sorted(folder.glob("*")):
        try:
            with path.open("rb") as file:
                content = file.read()
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    yield path.name, _known(content)
        except OSError:
            continue  # it has been given back meanwhile


def _known(content: bytes) -> dict[str, Any]:
    try:
        known = json.loads(content.splitlines()[0])
    except (ValueError, IndexError):
        return {}
    return known if isinstance(known, dict) else {}


class _Heartbeat:
    """Rewrites a file every few seconds, for as long as this process lives."""

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, uuid.uuid4().hex.encode()
        self._content = b"{}"
        self._ended = threading.Event()
        self._write()
        threading.Thread(target=self._go_on, daemon=True).start()

    def is_ours(self) -> bool:
        """Whether nobody else has written to the file since."""
        return self._name in self._path.read_bytes()

    def write(self, content: bytes) -> None:
        self._content = content
        self._write()

    def end(self) -> None:
        self._ended.set()

    def _go_on(self) -> None:
        while not self._ended.wait(BEAT_S):
            with contextlib.suppress(OSError):
                if self.is_ours():
                    self._write()

    def _write(self) -> None:
        beat = f"\n{time.monotonic()} ".encode() + self._name
        self._path.write_bytes(self._content + beat)
