"""Jobs, each in a process of its own that ends with it, so that nothing reaches the next one.

One process, the server, loads the libraries and opens the data once. For every job it forks another
one, which finds all of it ready in a few milliseconds and takes with it whatever the job leaves
behind: memory, threads, settings of libraries, patched functions. A process is forked while the one
before it is still at work, so that setting up a device costs nobody any time.

Where the system cannot fork safely (macOS, Windows), each process loads the libraries anew.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pickle import loads
from typing import Any

from bench.errors import InputError
from bench.machine.job_process import ANSWER, FORKS, TOLD, Ended, JobProcess, Task
from bench.machine.processes import WorkerProcess

POLL_S = 0.1  # between two looks at what jobs have used
READY, FAILED = b"r", b"f"  # what a message is about, besides `TOLD` and `ANSWER`


class ForkServer:
    """The server, from the side of the process that has the jobs.

    Args:
        preload: the name of a module that imports what the jobs need; it is loaded at once, while
            the caller does other things.
    """

    def __init__(self, preload: str) -> None:
        self._preload = preload
        self._process = WorkerProcess(_serve, preload)
        self._numbers = itertools.count()  # of jobs; no answer is taken for another one's

    def map(
        self, jobs: Iterable[Any], task: Task, *, count: int, on_message: Callable[[Any], None]
    ) -> Iterator[tuple[Any, Ended]]:
        """Do the jobs, at most ``count`` at a time, and give each when it has ended.

        Args:
            jobs: each is asked for when a process is free for it, and not before.
            task: what to do with them.
            count: how many at a time.
            on_message: called with what the jobs send.

        Raises:
            InputError: no process can be started, or what ``task.open`` raised.
        """
        left = iter(jobs)
        running: dict[int, Any] = {}
        if (first := next(left, None)) is None:
            return
        left = itertools.chain([first], left)
        self._open(task)
        while True:
            while len(running) < count and (job := next(left, None)) is not None:
                number = next(self._numbers)
                running[number] = job
                self._send((number, job))
            if not running:
                return
            try:
                number, kind, content = self._process.connection.recv()
            except (EOFError, OSError):
                ended = Ended(None, f"the server: {self._process.ending()}")
                self.end()
                self._process = WorkerProcess(_serve, self._preload)
                self._open(task)
                lost = list(running.values())
                running.clear()
                yield from ((job, ended) for job in lost)
                continue
            if kind == FAILED:
                raise content
            if kind == TOLD:
                self._tell(content, on_message)
            elif number in running:
                yield running.pop(number), _unpacked(content)

    def _open(self, task: Task) -> None:
        """Wait until the server is ready for jobs: what keeps it from that is no job's failure."""
        self._send(task)
        kind = b""
        while kind != READY:
            try:
                _, kind, content = self._process.connection.recv()
            except (EOFError, OSError):
                raise InputError(
                    f"no process can be started to run cells in: {self._process.ending()}; a "
                    'script that calls bench.run needs `if __name__ == "__main__":`'
                ) from None
            if kind == FAILED:
                raise content

    @staticmethod
    def _tell(content: bytes, on_message: Callable[[Any], None]) -> None:
        try:
            message = loads(content)  # noqa: S301 - from our own process
        except Exception:  # noqa: BLE001 - what a job sends in its own way is not for us
            return
        on_message(message)

    def _send(self, message: Any) -> None:
        with contextlib.suppress(OSError):  # of a server that is gone: the next `recv` tells
            self._process.connection.send(message)

    def end(self) -> None:
        """End the server and every job."""
        self._process.end()


def _unpacked(ended: Ended) -> Ended:
    if ended.died is not None:
        return ended
    try:
        return ended._replace(answer=loads(ended.answer))  # noqa: S301 - as above
    except Exception as error:  # noqa: BLE001 - whatever a job's answer is made of
        return ended._replace(answer=None, died=f"its answer cannot be read: {error}")


def _serve(connection: Connection, preload: str) -> None:
    """Fork a process for each job that comes through the connection, until it is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which ends the jobs too
    importlib.import_module(preload)
    _Server(connection).run()


class _Server:
    """The server, from its own side."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._task: Task | None = None
        self._shared: Any = None
        self._spare: JobProcess | None = None
        self._running: list[JobProcess] = []

    def run(self) -> None:
        """Hand out jobs and pass on what comes back, until the other end is closed."""
        try:
            while True:
                limited = self._running and self._task is not None and any(self._task.limits)
                ends = [end for child in self._running for end in (child.connection, child.exit)]
                ready = wait([self._connection, *ends], timeout=POLL_S if limited else None)
                if self._connection in ready:
                    self._receive()
                for child in list(self._running):
                    child.enforce_limits()
                    if child.connection in ready or child.exit in ready:
                        self._pass_on(child)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            pass
        finally:
            self._end_all()

    def _end_all(self) -> None:
        for child in [*self._running, *([self._spare] if self._spare else [])]:
            child.end()
        self._task, self._spare = None, None
        self._running.clear()

    def _receive(self) -> None:
        message = self._connection.recv()
        try:
            if isinstance(message, Task):
                self._take_up(message)
            elif self._task is not None:
                self._hand_out(self._task, *message)
        except OSError as error:  # the system gives no process, or no memory for one
            problem = InputError(f"no process can be started for a cell: {error}")
            self._connection.send((None, FAILED, problem))

    def _take_up(self, task: Task) -> None:
        self._end_all()
        try:
            self._shared = task.open() if FORKS else None
        except Exception as error:  # noqa: BLE001 - it is the other end's to handle
            self._connection.send((None, FAILED, error))
            return
        # What is there now is never collected, or every process would copy it to look at it.
        gc.collect()
        gc.freeze()
        self._spare = self._start(task)
        self._task = task
        self._connection.send((None, READY, None))

    def _hand_out(self, task: Task, number: int, job: Any) -> None:
        child, self._spare = self._spare or self._start(task), None
        if child.has_ended():
            child.end()
            child = self._start(task)
        child.give(number, job)
        self._running.append(child)
        self._spare = self._start(task)

    def _start(self, task: Task) -> JobProcess:
        theirs = [child.connection for child in self._running]
        return JobProcess(task, self._shared, [self._connection, *theirs])

    def _pass_on(self, child: JobProcess) -> None:
        """Pass on one message of a process; its answer, or its end, is the last."""
        message = child.next_message()
        if message is None:
            ended = child.ended()
        else:
            kind, content = message[:1], message[1:]
            if kind == TOLD:
                self._connection.send((child.number, TOLD, content))
                return
            ended = Ended(content, output=child.output())
        self._running.remove(child)
        child.end()
        self._connection.send((child.number, ANSWER, ended))
