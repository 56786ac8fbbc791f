"""Networks in turn: A B C A B C, each in a process of its own, one of them at work at a time.

What changes with time, as clocks and other programs do, then changes all of them alike. A reference
takes part in every round; its drift tells how much there was to change.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

from bench.machine import environment
from bench.machine.failure import reason
from bench.machine.processes import WorkerProcess, answer_all
from bench.study.measurement import Measurement, Reference, TimingCase
from bench.throughput.sampling import Effort

AT_ONCE = 6  # processes, the reference's among them: each holds a network and its libraries

OnResult = Callable[[Measurement], None]
OnTurn = Callable[[TimingCase, int], None]


def measure(
    cases: Sequence[TimingCase],
    reference: TimingCase,
    plan: Effort,
    device: torch.device,
    *,
    on_result: OnResult,
    on_turn: OnTurn,
) -> None:
    """Measure the cases, a few at a time, with the reference in every round.

    Args:
        cases: what is measured; the reference may be among them.
        reference: what the others are compared with.
        plan: how thoroughly.
        device: on what.
        on_result: called with each case's result once its last round is over; one that fails has
            its reason as its result.
        on_turn: called with the case whose turn it is and the round, from 1; 0 is preparing.
    """
    others = [case for case in cases if case != reference]
    wanted = {case.id for case in cases}

    def on_any_result(result: Measurement) -> None:
        if result.case.id in wanted:
            wanted.remove(result.case.id)  # the reference is in every group
            on_result(result)

    for start in range(0, max(1, len(others)), AT_ONCE - 1):
        group = [reference, *others[start : start + AT_ONCE - 1]]
        _measure_group(group, plan, device, on_any_result, on_turn)


def turns(cases: int, plan: Effort) -> int:
    """How often `measure` calls ``on_turn`` if the reference is one of the cases."""
    groups = max(1, math.ceil((cases - 1) / (AT_ONCE - 1)))
    return (cases - 1 + groups) * (plan.rounds + 1)


def _measure_group(
    group: Sequence[TimingCase],
    plan: Effort,
    device: torch.device,
    on_result: OnResult,
    on_turn: OnTurn,
) -> None:
    """Visit the members of a group round by round; the first is the reference."""
    with ExitStack() as stack:
        workers = []
        for case in group:
            workers.append(Worker(case, plan, device))
            stack.callback(workers[-1].end)
        family = [os.getpid(), *(worker.pid for worker in workers)]
        beside: Reference | None = None
        for turn in range(plan.rounds + 1):
            for worker in list(workers):
                on_turn(worker.case, turn)
                try:
                    result = worker.ask("visit", family) if turn else worker.ask("prepare")
                except WorkerError as error:
                    workers.remove(worker)
                    worker.end()
                    on_result(_failed(worker.case, str(error), device))
                    continue
                if turn == plan.rounds:
                    if worker.case == group[0]:
                        beside = _as_reference(result)
                    on_result(result.model_copy(update={"reference": beside}))


def _failed(case: TimingCase, failure: str, device: torch.device) -> Measurement:
    return Measurement(
        case=case,
        environment=environment.describe(device),
        measured_utc=datetime.now(UTC),
        failure=failure,
    )


def _as_reference(result: Measurement) -> Reference | None:
    if result.inference is None:
        return None
    return Reference(
        label=result.case.label,
        inference=result.inference.without_samples(),
        training=result.training and result.training.without_samples(),
    )


class WorkerError(Exception):
    """Why a process has no answer, in one line."""


class _Failed(NamedTuple):
    reason: str


class Worker:
    """A process that measures one case when it is asked to, and waits otherwise."""

    def __init__(self, case: TimingCase, plan: Effort, device: torch.device) -> None:
        self.case = case
        self._server = WorkerProcess(_work, case, plan, device, torch.get_num_threads())

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._server.pid

    def ask(self, task: str, *arguments: object) -> Any:
        """Have a method of `TimedNetwork` called, and wait for what it returns.

        Raises:
            WorkerError: it raised an exception, or the process has ended.
        """
        try:
            self._server.connection.send((task, arguments))
            answer = self._server.connection.recv()
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
