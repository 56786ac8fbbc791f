"""A process that does one job and ends with it, whatever the job does to it."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from os import _exit  # under this name, as a job may replace what a module holds
from pathlib import Path
from pickle import dumps
from typing import Any, NamedTuple

from bench.machine.processes import (
    die_with_parent,
    end_with_parent,
    failure_kind,
    how_it_ended,
)
from bench.study.record import FailureKind

FORKS = sys.platform == "linux"
GRACE_S = 1.0  # to say where it is at, for a process that has used up its time
STOP_S = 8.0  # to keep what it has come to, for one that is asked to stop
OUTPUT_BYTES = 8000  # of what a process printed, the last that is kept

# What a process sends about its job is told by the first letter.
TOLD, ANSWER = b"t", b"a"


class Limits(NamedTuple):
    """What a job may use; None: as much as there is.

    Attributes:
        seconds: from its start to its answer.
        memory_gib: of the host's memory, beyond what its process starts with, and with all of the
            processes that it starts; Linux only.
    """

    seconds: float | None = None
    memory_gib: float | None = None


class Task(NamedTuple):
    """What is to be done with each job; its functions have to be importable.

    Attributes:
        open: makes what all jobs share; called once.
        begin: called with that in every process, before its job comes.
        work: called with that, the job, a function that sends a message, and one that tells whether
            the job has been asked to stop; returns the answer.
        limits: of each job.
    """

    open: Callable[[], Any]
    begin: Callable[[Any], None]
    work: Callable[[Any, Any, Callable[[Any], None], Callable[[], bool]], Any]
    limits: Limits = Limits()


class Ended(NamedTuple):
    """How a job ended.

    Attributes:
        answer: of ``work``; None if the process ended without one.
        died: in that case how, in words.
        kind: and of which kind that is.
        output: the end of what the process printed.
    """

    answer: Any
    died: str | None = None
    kind: FailureKind = FailureKind.ERROR
    output: str = ""


class JobProcess:
    """A process for one job.

    Attributes:
        connection: to it.
        exit: is ready when it has ended; its connection may be held open by what it has started.
        number: of its job.
    """

    def __init__(self, task: Task, shared: Any, inherited: list[Connection]) -> None:
        self.number = -1
        self._limits = task.limits
        self._stopped: tuple[str, FailureKind] | None = None  # why, once it has to end
        self._kill_at = float("inf")
        self._started = self._kib_at_start = 0.0
        context = multiprocessing.get_context("fork" if FORKS else "spawn")
        self.connection, theirs = context.Pipe()
        self._printed = os.memfd_create("printed") if FORKS else -1
        inherited = [self.connection, *inherited]
        arguments = (theirs, task, shared, inherited, self._printed) if FORKS else (theirs, task)
        self._process = context.Process(target=_work_once, args=arguments)  # type: ignore[attr-defined]
        self._process.start()
        theirs.close()
        self.exit = os.pidfd_open(self._pid) if FORKS else self._process.sentinel

    def give(self, number: int, job: Any) -> None:
        """Have it do a job."""
        self.number = number
        self._started, self._kib_at_start = time.monotonic(), self._kib()
        with contextlib.suppress(OSError):  # of a process that is gone: its end is noticed
            self.connection.send(job)

    def next_message(self) -> bytes | None:
        """What it has sent; None if nothing comes any more."""
        try:
            return self.connection.recv_bytes() if self.connection.poll() else None
        except (EOFError, OSError):
            return None

    def has_ended(self) -> bool:
        """Whether it is no more."""
        return bool(wait([self.exit], timeout=0))

    def stop(self) -> None:
        """Ask it to stop; it is ended if it does not within `STOP_S`."""
        if self._stopped is None:
            self._stopped = "did not stop in time", FailureKind.KILLED
            self._kill_at = time.monotonic() + STOP_S
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGTERM)

    def enforce_limits(self) -> None:
        """End the process if it has used more than it may."""
        now = time.monotonic()
        if self._stopped is not None:
            if now > self._kill_at:
                self._kill()
            return
        seconds, memory_gib = self._limits
        if seconds is not None and now - self._started > seconds:
            why = f"stopped after {seconds:g} s (limits.seconds)"
            self._stopped = why, FailureKind.TIMEOUT
            self._kill_at = now + GRACE_S
            with contextlib.suppress(OSError):
                os.kill(self._pid, signal.SIGABRT)  # it then prints where it is at
        elif memory_gib is not None and self._kib() - self._kib_at_start > memory_gib * 2**20:
            why = f"stopped at more than {memory_gib:g} GiB of memory (limits.memory_gib)"
            self._stopped = why, FailureKind.OUT_OF_MEMORY
            self._kill()

    def ended(self) -> Ended:
        """How it ended that has closed its end without an answer."""
        wait([self.exit], timeout=GRACE_S)
        code = self._process.exitcode
        died, kind = self._stopped or (how_it_ended(code), failure_kind(code))
        return Ended(None, died, kind, self.output())

    def output(self) -> str:
        """The end of what it has printed."""
        if not FORKS:
            return ""
        size = os.fstat(self._printed).st_size
        last = os.pread(self._printed, OUTPUT_BYTES, max(0, size - OUTPUT_BYTES))
        return last.decode(errors="replace")

    def end(self) -> None:
        """End it, and what it has started; nobody waits until the system has cleared up."""
        self._kill()
        self.connection.close()
        if FORKS:
            os.close(self.exit)
            os.close(self._printed)

    def _kill(self) -> None:
        with contextlib.suppress(OSError):
            if FORKS:
                os.killpg(self._pid, signal.SIGKILL)
        self._process.kill()

    @property
    def _pid(self) -> int:
        return self._process.pid or 0

    def _kib(self) -> float:
        """The memory of it and of what it has started, without mapped files; what it printed."""
        printed = os.fstat(self._printed).st_size / 1024 if FORKS else 0.0
        return printed + _kib_of_family(self._pid)


def _kib_of_family(pid: int) -> float:
    """The memory of a process and of those that it has started, without mapped files."""
    process = Path(f"/proc/{pid}")
    try:
        status = (process / "status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    children: list[str] = []
    with contextlib.suppress(OSError):  # not every kernel lists them
        children = (process / f"task/{pid}/children").read_text(encoding="ascii").split()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    names = ("RssAnon", "RssShmem", "VmSwap")
    own = sum(float(fields[name].split()[0]) for name in names if name in fields)
    return own + sum(_kib_of_family(int(child)) for child in children)


def _work_once(
    connection: Connection,
    task: Task,
    shared: Any = None,
    inherited: Iterable[Connection] = (),
    printed: int = -1,
) -> None:
    """Do the one job that comes through the connection, and end."""
    try:
        for other in inherited:
            other.close()  # or its other end would not notice when the server ends
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if FORKS:
            _detach(printed)
        else:
            threading.Thread(target=end_with_parent, daemon=True).start()
            shared = task.open()
        faulthandler.enable()
        task.begin(shared)
        job = connection.recv()
        wishes: list[int] = []  # to stop
        signal.signal(signal.SIGTERM, lambda number, _: wishes.append(number))

        def tell(message: Any) -> None:
            connection.send_bytes(TOLD + dumps(message))

        answer = task.work(shared, job, tell, lambda: bool(wishes))
        connection.send_bytes(ANSWER + dumps(answer))
    except EOFError:
        pass  # there is no job
    except BaseException:  # noqa: BLE001 - it is printed, and the process ends in any case
        traceback.print_exc()
        _exit(1)
    _exit(0)  # without what a job has asked for at its process's end, or threads that go on


def _detach(printed: int) -> None:
    """Make this process one that can be ended alone, and whose end does no harm.

    Args:
        printed: the file to which it prints from now on.
    """
    import resource  # noqa: PLC0415 - only where there are forks

    die_with_parent()
    os.setsid()  # with what it starts, a group that can be ended as one
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core dump into the user's folder
    with contextlib.suppress(OSError):  # where memory runs out, the system ends it first
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        os.dup2(printed, descriptor)
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
