"""A process that measures one network when it is asked to, and waits otherwise."""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

from bench.machine.failure import reason
from bench.machine.processes import WorkerProcess, answer_all
from bench.study.timing_case import TimingCase
from bench.throughput.sampling import Effort


class WorkerError(Exception):
    """Why a process has no answer, in one line."""


class _Failed(NamedTuple):
    reason: str


class Worker:
    """The process, from the side of the one that asks.

    Args:
        case: what it measures.
        plan: how thoroughly.
        device: on what.
        threads: that it computes with.
        limit_s: the longest that it may take for an answer; None for no limit.
    """

    def __init__(
        self,
        case: TimingCase,
        plan: Effort,
        device: torch.device,
        threads: int,
        limit_s: float | None,
    ) -> None:
        self.case, self._limit_s = case, limit_s
        self._server = WorkerProcess(_work, case, plan, device, threads)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._server.pid

    def ask(self, task: str, *arguments: object) -> Any:
        """Have a method of `TimedNetwork` called, and wait for what it returns.

        Raises:
            WorkerError: it raised an exception, took too long, or the process has ended.
        """
        connection = self._server.connection
        try:
            connection.send((task, arguments))
            if not connection.poll(self._limit_s):
                raise WorkerError(f"did not answer within {self._limit_s:g} s")
            answer = connection.recv()
        except (EOFError, OSError):
            raise WorkerError(self._server.ending()) from None
        if isinstance(answer, _Failed):
            raise WorkerError(answer.reason)
        return answer

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._server.end()


def _work(
    connection: Connection, case: TimingCase, plan: Effort, device: torch.device, threads: int
) -> None:
    """Answer what `Worker.ask` asks, until the other end is closed."""
    from bench.throughput.measure import TimedNetwork  # noqa: PLC0415 - only processes need it

    torch.set_num_threads(threads)
    network = TimedNetwork(case, plan, device)

    def answer(asked: tuple[str, tuple[object, ...]]) -> object:
        task, arguments = asked
        try:
            return getattr(network, task)(*arguments)
        except Exception as error:  # noqa: BLE001 - whatever a network does, the others go on
            return _Failed(reason(error))

    answer_all(connection, answer)
