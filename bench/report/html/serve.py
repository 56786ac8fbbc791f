"""The page of a study over HTTP, on this machine alone; it follows the study while that grows."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.errors import InputError
from bench.report.html.page import Following, render
from bench.report.leaderboard import leaderboards
from bench.study import places
from bench.study.plan import State
from bench.study.results import Results
from bench.study.status import status
from bench.study.study import Study

LOOPBACK = "127.0.0.1"
# By which names a browser on this machine asks; the port may be another one, of a tunnel. A site
# that has its own name lead here (DNS rebinding) is refused.
OWN_NAME = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
PATIENCE_S = 30.0  # with a browser that says nothing
REST = 9  # times as long as a page took to make: a run beside it loses a tenth of a core at most
HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class StudyPage:
    """The page of the study in ``folder``, made again only when the study has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._made: tuple[str, bytes] | None = None
        self._rests_until = 0.0

    def current(self) -> tuple[str, bytes]:
        """Return the version of the study that the page is of, and the page.

        Raises:
            InputError: the folder holds no study, or none of its grids can be read.
        """
        with self._lock:
            version = version_of(self._folder)
            is_due = time.monotonic() >= self._rests_until
            if self._made is None or (version != self._made[0] and is_due):
                begun = time.monotonic()
                self._made = version, self._make(version)
                ended = time.monotonic()
                self._rests_until = ended + REST * (ended - begun)
            return self._made

    def _make(self, version: str) -> bytes:
        results = Study(self._folder).load()
        boards = leaderboards(results)
        if not boards:
            raise InputError(f"{self._folder}: no grid of the study can be read")
        following = Following(version, _progress(results))
        name = self._folder.resolve().name
        return render(name, boards, results.damaged, (), results, following=following).encode()


def version_of(folder: Path) -> str:
    """Return a digest of which records a study holds, and of when each was written."""
    return hashlib.sha256("\n".join(_parts(folder)).encode()).hexdigest()[:16]


def _parts(folder: Path) -> Iterator[str]:
    for place in (places.GRIDS, places.CELLS, places.TRIALS, places.THROUGHPUT):
        with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder / place) as found:
            for entry in sorted(found, key=lambda entry: entry.name):
                if not entry.name.startswith("."):  # those are being written
                    with suppress(FileNotFoundError):
                        kept = entry.stat()
                        yield f"{place}/{entry.name} {kept.st_ino} {kept.st_mtime_ns}"


def _progress(results: Results) -> str:
    """How many cells of the latest grid there are, in words."""
    counts = Counter(one.state for one in status(results))
    total = counts.total()
    done = counts[State.CURRENT]
    return f"{done} of {total} cells of the latest grid are done"


class PageServer(ThreadingHTTPServer):
    """A server of a study's page on 127.0.0.1; `serve_forever` answers until it is interrupted.

    Args:
        folder: of the study.
        port: 0 takes any that is free, see ``server_port``.

    Raises:
        InputError: there is no study to show, or the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.page = StudyPage(folder)
        self.page.current()
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            raise InputError(
                f"--port {port}: cannot be had ({error.strerror}); give another one, or 0 for any "
                "that is free"
            ) from None


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page, whole, or with why not in one line."""

    server: PageServer
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        if OWN_NAME.fullmatch(self.headers.get("Host", "")) is None:
            self._refuse(
                HTTPStatus.FORBIDDEN,
                "asked by a name that is not this machine's own: use 127.0.0.1",
            )
        elif self.path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing but the page: /")
        else:
            self._show()

    def _show(self) -> None:
        try:
            version, page = self.server.page.current()
        except InputError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
            return
        tag = f'"{version}"'
        if self.headers.get("If-None-Match") == tag:
            self._answer(HTTPStatus.NOT_MODIFIED, b"", {"ETag": tag})
        else:
            headers = {"ETag": tag, "Content-Type": "text/html; charset=utf-8"}
            self._answer(HTTPStatus.OK, page, headers)

    def _refuse(self, code: HTTPStatus, why: str) -> None:
        self._answer(code, f"{why}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def _answer(self, code: HTTPStatus, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in (HEADERS | headers).items():
            self.send_header(name, value)
        if code != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # the browser went away meanwhile
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the terminal is not a log of visits."""
