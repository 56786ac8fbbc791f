"""Processes that answer over a pipe, and how they end."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from bench.study.record import FailureKind

_PR_SET_PDEATHSIG = 1  # of prctl(2)
END_S = 5.0  # what a process may take to end before it is killed


class WorkerProcess:
    """A process that runs ``serve(connection, *arguments)`` until the other end is closed.

    Attributes:
        connection: ours.
    """

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, *arguments))
        with _interrupts_held_back():  # also from the process: Ctrl-C is ours to handle
            self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid or 0

    @property
    def exit_code(self) -> int | None:
        """The process's exit code, negative of a signal; None while it goes on."""
        return self._process.exitcode

    def ending(self) -> str:
        """How a process ended that has closed its end, in words."""
        self._process.join(END_S)
        return how_it_ended(self._process.exitcode)

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self.connection.close()
        self._process.terminate()
        self._process.join(END_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def failure_kind(exit_code: int | None) -> FailureKind:
    """Return whether a process was ended from outside, or by a fault of its own."""
    from_outside = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
    return FailureKind.KILLED if exit_code in from_outside else FailureKind.ERROR


def how_it_ended(exit_code: int | None) -> str:
    """What an exit code says, in words; None: the process goes on without answering."""
    if exit_code is None:
        return "its process closed its connection"
    if exit_code < 0:
        known = {number.value: number.name for number in signal.Signals}
        name = known.get(-exit_code, f"signal {-exit_code}")
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended by itself with exit code {exit_code}"


def die_with_parent() -> None:
    """Have the system end this process with the thread that has started it, on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def answer_all(connection: Connection, answer: Callable[[Any], object]) -> None:
    """Send back what ``answer`` makes of each message, until the other end is closed or gone."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            message = connection.recv()
        except EOFError:
            return
        found = answer(message)
        try:
            connection.send(found)
        except BrokenPipeError:
            return


def end_with_parent() -> None:
    """End this process when its parent ends: it would go on computing for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Have Ctrl-C wait until the block is over; what is started inside never hears of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # noqa: PLC0415 - only where there are such masks

    resource_tracker.ensure_running()  # with the first process, it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
