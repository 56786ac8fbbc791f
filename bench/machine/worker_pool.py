"""Jobs shared out to processes that work side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import wait
from typing import Any, NamedTuple

from bench.machine.processes import WorkerProcess


class Died(NamedTuple):
    """In place of an answer: how the process ended that was at the job, in words."""

    ending: str


def map_unordered(
    jobs: Sequence[Any], count: int, serve: Callable[..., None], *arguments: object
) -> Iterator[tuple[Any, Any]]:
    """Have processes do the jobs, each process one at a time, and give the answers as they come.

    Args:
        jobs: sent to the processes in this order.
        count: how many processes, at most.
        serve: what a process does: called with a connection, from which it receives jobs and on
            which it answers each until the other end is closed; and with ``arguments``.
        arguments: for ``serve``.

    Yields:
        Each job with its answer, or with `Died`; another process then takes the dead one's place.
    """
    left = list(reversed(jobs))
    at: dict[Any, tuple[WorkerProcess, Any]] = {}  # what each process is at, by its connection
    with ExitStack() as stack:

        def start() -> WorkerProcess:
            server = WorkerProcess(serve, *arguments)
            stack.callback(server.end)
            return server

        def give(server: WorkerProcess) -> None:
            job = left.pop()
            server.connection.send(job)
            at[server.connection] = (server, job)

        for _ in range(min(count, len(jobs))):
            give(start())
        while at:
            for connection in wait(list(at)):
                server, job = at.pop(connection)
                try:
                    answer = server.connection.recv()
                except (EOFError, OSError):
                    answer = Died(server.ending())
                if left:
                    give(start() if isinstance(answer, Died) else server)
                yield job, answer
