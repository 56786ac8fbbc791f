"""Networks in turn: A B C A B C, each in a process of its own, one of them at work at a time.

What changes with time, as clocks and other programs do, then changes all of them alike. A reference
takes part in every round. A round in which it was slower than in another one, or in which something
was disturbed, is measured again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

import torch

from bench.events import Listener, TimingDone, TimingProgress
from bench.machine import environment
from bench.study.measurement import Measurement, Reference
from bench.study.timing_case import INFERENCE, TimingCase
from bench.throughput.sampling import Effort
from bench.throughput.worker import Worker, WorkerError

AT_ONCE = 6  # processes, the reference's among them: each holds a network and its libraries
DRIFT = 0.05  # by so much slower than in its fastest round, the reference says that a round drifted


def measure(
    cases: Sequence[TimingCase],
    reference: TimingCase,
    plan: Effort,
    device: torch.device,
    *,
    threads: int,
    limit_s: float | None,
    listen: Listener,
) -> None:
    """Measure the cases, a few at a time, with the reference in every round.

    Args:
        cases: what is measured; the reference may be among them.
        reference: what the others are compared with.
        plan: how thoroughly.
        device: on what.
        threads: that each process computes with.
        limit_s: the longest that a visit to a network may take; its process is then ended.
        listen: told before each visit, and after each round what is known of each case by then. One
            that fails keeps what was known, with the reason.
    """
    others = [case for case in cases if case != reference]
    groups = [
        [reference, *others[start : start + AT_ONCE - 1]]
        for start in range(0, max(1, len(others)), AT_ONCE - 1)
    ]
    wanted = {case.id for case in cases}
    progress = _Progress(sum(map(len, groups)) * (plan.rounds + 1), listen)
    for group in groups:
        with ExitStack() as stack:
            workers = []
            for case in group:
                workers.append(Worker(case, plan, device, threads, limit_s))
                stack.callback(workers[-1].end)
            for measured in _Group(workers, plan, device, progress).measure():
                if measured.case.id in wanted:
                    listen(TimingDone(measured))
        wanted.discard(reference.id)  # it is in every group


class _Progress:
    """Counts visits; rounds that are measured again add to how many there are."""

    def __init__(self, total: int, listen: Listener) -> None:
        self._done, self._total, self._listen = 0, total, listen

    def on_visit(self, case: TimingCase) -> None:
        self._total = max(self._total, self._done + 1)
        self._listen(TimingProgress(case.label, self._done, self._total))
        self._done += 1


class _Group:
    """Networks that are visited in the same rounds; the first is the reference."""

    def __init__(
        self, workers: list[Worker], plan: Effort, device: torch.device, progress: _Progress
    ) -> None:
        self._workers, self._reference = workers, workers[0]
        self._plan, self._device, self._progress = plan, device, progress
        self._found: dict[str, Measurement] = {}  # by the id of the case, as of its last visit

    def measure(self) -> Iterator[Measurement]:
        """Visit them round by round, and give what is known of each after each round."""
        family = [os.getpid(), *(worker.pid for worker in self._workers)]
        yield from self._ask(self._workers, "meet", family)  # who is not ready disturbs
        yield from self._ask(self._workers, "prepare", show=True)
        number, due, clean = 0, list(self._workers), 0
        while due and number < 2 * self._plan.rounds:
            number += 1
            yield from self._ask(due, "visit", number, show=True)
            before, clean = clean, sum(found.counts[0] for found in self._found.values())
            if clean == before:
                break  # nothing was undisturbed: one more round would help as little
            visited, due = due, self._due()
            rounds_left = max(1, self._plan.rounds - number)
            for worker in visited if due else ():
                if worker in self._workers:
                    yield self._known(worker.case, rounds_left=rounds_left)
        for worker in self._workers:
            yield self._known(worker.case)

    def _ask(
        self, workers: Sequence[Worker], task: str, *arguments: object, show: bool = False
    ) -> Iterator[Measurement]:
        """Have each of them do a task; gives what is known of one that fails, and ends it."""
        for worker in list(workers):
            if show:
                self._progress.on_visit(worker.case)
            try:
                answer = worker.ask(task, *arguments)
            except WorkerError as error:
                self._workers.remove(worker)
                worker.end()
                yield self._known(worker.case, failure=str(error))
            else:
                if isinstance(answer, Measurement):
                    self._found[worker.case.id] = answer

    def _known(self, case: TimingCase, **more: object) -> Measurement:
        """What is known of a case by now, beside the reference."""
        measured = self._found.get(case.id) or Measurement(
            case=case,
            environment=environment.describe(self._device),
            measured_utc=datetime.now(UTC),
        )
        drifted = self._drifted()
        timings = {name: t.with_drift(drifted) for name, t in measured.timings.items()}
        return measured.model_copy(
            update={"timings": timings, "reference": self._beside(case, drifted)} | more
        )

    def _beside(self, case: TimingCase, drifted: set[int]) -> Reference | None:
        reference = self._reference.case
        if case == reference:
            return None
        found = self._found.get(reference.id)
        timings = {} if found is None else found.timings
        seconds = {name: t.with_drift(drifted).by_round for name, t in timings.items()}
        return Reference(label=reference.label, seconds=seconds)

    def _drifted(self) -> set[int]:
        """The rounds in which the reference was slower than in its fastest, or was not measured."""
        found = self._found.get(self._reference.case.id)
        timing = found and found.timings.get(INFERENCE)
        if not timing:
            return set()
        seconds = timing.by_round
        fastest = min(seconds.values(), default=0.0)
        steady = {number for number, s in seconds.items() if s <= (1 + DRIFT) * fastest}
        return {visit.number for visit in timing.rounds if visit.blocks} - steady

    def _due(self) -> list[Worker]:
        """Those with rounds to come or to be measured again, and then the reference as well."""
        due = [worker for worker in self._workers if self._missing(worker)]
        if due and self._reference in self._workers and self._reference not in due:
            due.insert(0, self._reference)
        return due

    def _missing(self, worker: Worker) -> int:
        """How many rounds are to come or to be measured again, over all figures that go on."""
        timings = self._known(worker.case).timings.values()
        last = max((timing.rounds[-1].number for timing in timings), default=0)
        return sum(
            max(0, self._plan.rounds - timing.good_rounds())
            for timing in timings
            if timing.rounds[-1].number == last
        )
