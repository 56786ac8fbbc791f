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
from typing import Any, NamedTuple

from bench.errors import InputError
from bench.machine.job_process import ANSWER, FORKS, TOLD, Ended, JobProcess, Task
from bench.machine.processes import WorkerProcess, die_with_parent
from bench.machine.stop import WISHES, Stop
from bench.study.record import FailureKind

POLL_S = 0.1  # between two looks at what jobs have used
READY, FAILED = b"r", b"f"  # what a message is about, besides `TOLD` and `ANSWER`
STOP = "stop"  # to the server: what is at work is to keep what it has come to, and to end


class Preload(NamedTuple):
    """A message to the server: what it will need is known."""

    content: Any


class ForkServer:
    """The server, from the side of the process that has the jobs.

    Args:
        preload: a function for `preload`, as ``package.module:name``; its module is imported at
            once, while the caller does other things.
    """

    def __init__(self, preload: str) -> None:
        self._preload = preload
        self._process = WorkerProcess(_serve, preload)
        self._numbers = itertools.count()  # of jobs; no answer is taken for another one's

    def preload(self, content: object) -> None:
        """Have the server import what jobs will need, while the caller does other things.

        Args:
            content: for the function that was given for it; what that raises is nobody's concern.
        """
        self._send(Preload(content))

    def map(
        self,
        jobs: Iterable[Any],
        task: Task,
        *,
        count: int,
        on_message: Callable[[Any], None],
        stop: Stop,
    ) -> Iterator[tuple[Any, Ended]]:
        """Do the jobs, at most ``count`` at a time, and give each when it has ended.

        Args:
            jobs: each is asked for when a process is free for it, and not before.
            task: what to do with them.
            count: how many at a time.
            on_message: called with what the jobs send.
            stop: when it is asked, no job is begun any more, and those at work are asked to stop.

        Raises:
            InputError: no process can be started, or what ``task.open`` raised.
        """
        left = iter(jobs)
        running: dict[int, Any] = {}
        if (first := next(left, None)) is None:
            return
        left = itertools.chain([first], left)
        self._open(task)
        told_to_stop = False
        while True:
            if stop.asked and not told_to_stop:
                told_to_stop, left = True, iter(())
                self._send(STOP)
            self._hand_out(left, running, count)
            if not running:
                return
            if not told_to_stop and stop.wakes in wait([self._process.connection, stop.wakes]):
                continue
            try:
                number, kind, content = self._receive()
            except (EOFError, OSError):
                ended = self._replace()
                yield from ((job, ended) for job in running.values())
                running.clear()
                if not told_to_stop:
                    self._open(task)
                continue
            if kind == TOLD:
                self._tell(content, on_message)
            elif number in running:
                yield running.pop(number), _unpacked(content)

    def _hand_out(self, left: Iterator[Any], running: dict[int, Any], count: int) -> None:
        """Send jobs to the server until so many are running."""
        while len(running) < count and (job := next(left, None)) is not None:
            number = next(self._numbers)
            running[number] = job
            self._send((number, job))

    def _replace(self) -> Ended:
        """Start another server in place of one that is gone, and say how its jobs ended."""
        why = f"the server: {self._process.ending()}"
        self.end()
        self._process = WorkerProcess(_serve, self._preload)
        return Ended(None, why, FailureKind.KILLED)

    def _open(self, task: Task) -> None:
        """Wait until the server is ready for jobs: what keeps it from that is no job's failure."""
        self._send(task)
        kind = b""
        while kind != READY:
            try:
                _, kind, _ = self._receive()
            except (EOFError, OSError):
                raise InputError(
                    f"no process can be started to run cells in: {self._process.ending()}; a "
                    'script that calls bench.run needs `if __name__ == "__main__":`'
                ) from None

    def _receive(self) -> tuple[int, bytes, Any]:
        """The next message of the server: the job's number, what it is about, what it says."""
        number, kind, content = self._process.connection.recv()
        if kind == FAILED:
            raise content
        return number, kind, content

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
    die_with_parent()
    module, _, name = preload.partition(":")
    server = _Server(connection, getattr(importlib.import_module(module), name))
    for wish in set(WISHES) - {signal.SIGINT}:
        if signal.getsignal(wish) is not signal.SIG_IGN:
            signal.signal(wish, lambda *_: server.terminate())
    try:
        server.run()
    finally:
        for wish in WISHES:  # it ends already: an exception would disturb what libraries clear up
            signal.signal(wish, signal.SIG_IGN)


class _Server:
    """The server, from its own side."""

    def __init__(self, connection: Connection, preload: Callable[[Any], None]) -> None:
        self._connection, self._preload = connection, preload
        self._task: Task | None = None
        self._shared: Any = None
        self._spare: JobProcess | None = None
        self._running: list[JobProcess] = []

    def run(self) -> None:
        """Hand out jobs and pass on what comes back, until the other end is closed."""
        try:
            while True:
                ends = [end for child in self._running for end in (child.connection, child.exit)]
                ready = wait([self._connection, *ends], timeout=POLL_S if self._running else None)
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

    def terminate(self) -> None:
        """End, or have jobs at work stop: a scheduler sends SIGTERM to every process of a run."""
        if not self._running:
            sys.exit(1)
        for child in self._running:
            child.stop()

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
            elif isinstance(message, Preload):
                with contextlib.suppress(Exception):
                    self._preload(message.content)
            elif message == STOP:
                for child in self._running:
                    child.stop()
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
