"""The cells of a grid that have to run: in which order, how many at a time, and who runs again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any

from bench.events import CellFinished, CellStarted, Listener, Remark
from bench.execution.cell import CellResult, Job, failed
from bench.execution.context import RunContext
from bench.execution.launchers.contract import Died, Launcher, Stopped
from bench.execution.launchers.processes import fitting
from bench.machine.failure import Failure
from bench.machine.stop import Stop
from bench.settings import identity
from bench.settings.cell import Cell
from bench.study.claims import Claims
from bench.study.record import Execution, FailureKind, Record
from bench.study.results import Results
from bench.study.study import Study

# Failures after which a cell that is run again goes on from its checkpoint.
GOES_ON = {FailureKind.KILLED, FailureKind.TIMEOUT, FailureKind.OUT_OF_MEMORY}
MAX_ATTEMPTS = 3  # at a cell whose process is killed, in one run
LOOK_S = 1.0  # between two looks at what other runs have done


class Precedents:
    """What was found out when a network was trained, for the other cells of that network.

    Args:
        records: of the grid's cells, that still hold.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._records: dict[str, Record] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Keep a record; of several, the one whose steps took the least memory."""
        if record.training is None:
            return
        key = _key(record.cell, record.environment.device)
        known = self._records.get(key)
        if known is None or _thrift(record) > _thrift(known):
            self._records[key] = record

    def of(self, cell: Cell, device: str) -> Record | None:
        """Return a record of the same network by the same recipe on the same kind of device."""
        return self._records.get(_key(cell, device))


def _key(cell: Cell, device: str) -> str:
    architecture = identity.of_architecture(cell.architecture)
    return identity.digest([architecture, cell.setting, cell.found, device])


def _thrift(record: Record) -> list[Any]:
    return [(e.checkpointing, e.accumulation_steps) for e in _executions(record)]


def _executions(record: Record) -> list[Execution]:
    return [
        execution
        for training in (record.training, record.teacher)
        if training is not None
        for execution in training.executions
    ]


@dataclass(frozen=True)
class Means:
    """What a run works with.

    Attributes:
        study: where results are kept.
        context: of this process.
        launch: runs cells.
        listen: told what starts and ends.
        claims: by which other runs on the same study do not do the same.
        stop: ends the run in good order when it is asked.
    """

    study: Study
    context: RunContext
    launch: Launcher
    listen: Listener
    claims: Claims
    stop: Stop


class GridRun:
    """A grid at work.

    Args:
        cells: of the grid, in its order.
        to_run: the ids of those that have to run.
        results: of the study, as it was when that was decided.
        precedents: of what the study holds.
        means: what it works with.
        before, after: how many cells of the run come before these and after them.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        to_run: set[str],
        results: Results,
        precedents: Precedents,
        means: Means,
        *,
        before: int = 0,
        after: int = 0,
    ) -> None:
        self._numbers = {cell.id: number for number, cell in enumerate(cells, 1 + before)}
        self._total = before + len(cells) + after
        self._waiting = [cell for cell in cells if cell.id in to_run]
        self._left = len(self._waiting) + after
        self._known, self._precedents, self._means = results, precedents, means
        self._listen, self._device = means.listen, means.launch.device
        self._elsewhere: list[Cell] = []  # what another run is at
        self._attempts: Counter[str] = Counter()

    def run(self, per_device: int | None) -> None:
        """Run all of them, but for those that another run on the same study does meanwhile.

        Args:
            per_device: how many side by side; None: as many as the device's memory holds.

        Raises:
            KeyboardInterrupt: the run was asked to stop; what was at work goes on from there.
        """
        with self._means.stop.in_good_order():
            self._run_all(per_device)
            while self._elsewhere and not self._means.stop.asked:
                cells, self._elsewhere = self._elsewhere, []
                self._run(cells, 1)
                if self._elsewhere:
                    wait([self._means.stop.wakes], timeout=LOOK_S)

    def _run_all(self, per_device: int | None) -> None:
        waiting, count = self._waiting, per_device or 1
        if per_device is None:
            first = next((n for n, cell in enumerate(waiting, 1) if cell.loss is not None), 0)
            records = self._run(waiting[:first], 1)
            waiting = waiting[first:]
            count = fitting(records[-1], self._means.context.device) if records else 1
        if count == 1:
            self._run(waiting, 1)
            return
        leading = self._leading(waiting)
        if self._device == "cpu" and not self._means.launch.shares_device:
            leading = []  # there is nothing to find out
        self._run(leading, count)
        self._run([cell for cell in waiting if cell not in leading], count)

    def _leading(self, cells: Sequence[Cell]) -> list[Cell]:
        """The first cell of each network that nothing is known about: the others follow it."""
        first: dict[str, Cell] = {}
        for cell in cells:
            if not self._precedents.of(cell, self._device):
                first.setdefault(_key(cell, ""), cell)
        return list(first.values())

    def _run(self, cells: Sequence[Cell], count: int) -> list[Record]:
        """Run some cells side by side, and again those that others may have done harm to."""
        records, again = [], []
        for job, answer in self._means.launch(self._jobs(cells, count), count):
            if self._means.stop.asked and not isinstance(answer, CellResult):
                continue
            by_others = Died("its process was asked to stop", kind=FailureKind.KILLED)
            result = by_others if isinstance(answer, Stopped) else answer
            why = self._why_again(job.cell, result, count)
            if why is not None:
                again.append(job.cell)
                self._listen(Remark(why, job.cell.label))
            else:
                records.append(self._keep(job, result))
        count = 1 if self._means.launch.shares_device else count
        return [*records, *(self._run(again, count) if again else [])]

    def _why_again(self, cell: Cell, result: CellResult | Died, count: int) -> str | None:
        """Why a cell has to run again, if it has."""
        beside = count > 1 and self._means.launch.shares_device
        if beside and (why := _harmed_by_neighbours(result)) is not None:
            return f"runs again alone: beside others {why}"
        if isinstance(result, Died) and result.kind is FailureKind.KILLED:
            return f"runs again: {result.why}" if self._attempts[cell.id] < MAX_ATTEMPTS else None
        return None

    def _jobs(self, cells: Iterable[Cell], count: int) -> Iterator[Job]:
        shared = self._means.launch.shares_device and count > 1 and self._device != "cpu"
        for cell in cells:
            if self._means.stop.asked:
                return
            if not self._means.claims.take(cell.id):
                self._elsewhere.append(cell)
                continue
            if (record := self._finished_elsewhere(cell)) is not None:
                self._note(record)
                continue
            self._attempts[cell.id] += 1
            self._listen(CellStarted(cell, self._numbers[cell.id], self._total, self._left))
            # A neighbour on the device must not decide how a cell is trained.
            yield Job(cell, self._precedents.of(cell, self._device), falls_back=not shared)

    def _finished_elsewhere(self, cell: Cell) -> Record | None:
        """The record of a cell that another run has finished since this one made its plan."""
        known, found = self._known.record_of(cell), self._means.study.read_cell(cell)
        is_new = known is None or (found and found.finished_utc != known.finished_utc)
        return found if is_new else None

    def _keep(self, job: Job, result: CellResult | Died) -> Record:
        if isinstance(result, Died):
            why = Failure(result.why, result.output, result.kind)
            result = failed(job.cell, self._means.context, why)
        self._means.study.write_cell(result.record, result.tables, result.weights)
        if result.record.failure is None or result.record.failure_kind not in GOES_ON:
            self._means.study.forget_checkpoint(job.cell.id)
        self._note(result.record)
        return result.record

    def _note(self, record: Record) -> None:
        """Take note of what has been kept."""
        self._means.claims.give_back(record.cell.id)
        self._precedents.add(record)
        self._left -= 1
        self._listen(CellFinished(record))


def _harmed_by_neighbours(result: CellResult | Died) -> str | None:
    """What happened to a cell that may not happen to it alone: all that has to do with memory."""
    if isinstance(result, Died):
        by_limit = result.kind in {FailureKind.TIMEOUT, FailureKind.OUT_OF_MEMORY}
        return None if by_limit else result.why
    failure = result.record.failure
    if failure is not None:
        return failure if failure.startswith("out of memory") else None
    if any(execution.out_of_memory for execution in _executions(result.record)):
        return "it did not fit into memory"
    return None
