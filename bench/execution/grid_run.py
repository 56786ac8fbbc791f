"""The cells of a grid that have to run: in which order, how many at a time, and who runs again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.events import CellFinished, CellStarted, Listener, Remark
from bench.execution.cell import CellResult, Job, failed
from bench.execution.context import RunContext
from bench.execution.launchers.contract import Died, Launcher
from bench.execution.launchers.processes import fitting
from bench.settings import identity
from bench.settings.grid import Cell
from bench.study.record import Execution, Record
from bench.study.study import Study


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


class GridRun:
    """A grid at work.

    Args:
        cells: of the grid, in its order.
        to_run: the ids of those that have to run.
        precedents: of what the study holds.
        study: where results are kept.
        context: of this process.
        launch: runs cells.
        listen: told what starts and ends.
        before, after: how many cells of the run come before these and after them.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        to_run: set[str],
        precedents: Precedents,
        *,
        study: Study,
        context: RunContext,
        launch: Launcher,
        listen: Listener,
        before: int = 0,
        after: int = 0,
    ) -> None:
        self._numbers = {cell.id: number for number, cell in enumerate(cells, 1 + before)}
        self._total = before + len(cells) + after
        self._waiting = [cell for cell in cells if cell.id in to_run]
        self._left = len(self._waiting) + after
        self._precedents, self._study, self._context = precedents, study, context
        self._launch, self._listen = launch, listen

    def run(self, per_device: int | None) -> None:
        """Run all of them.

        Args:
            per_device: how many side by side; None: as many as the device's memory holds.
        """
        waiting, count = self._waiting, per_device or 1
        if per_device is None:
            first = next((n for n, cell in enumerate(waiting, 1) if cell.loss is not None), 0)
            records = self._run(waiting[:first], 1)
            waiting = waiting[first:]
            count = fitting(records[-1], self._context.device) if records else 1
        if count == 1:
            self._run(waiting, 1)
            return
        leading = self._leading(waiting)
        self._run(leading, count)
        self._run([cell for cell in waiting if cell not in leading], count)

    def _leading(self, cells: Sequence[Cell]) -> list[Cell]:
        """The first cell of each network that nothing is known about: the others follow it."""
        first: dict[str, Cell] = {}
        for cell in cells:
            if not self._precedents.of(cell, self._context.device.type):
                first.setdefault(_key(cell, ""), cell)
        return list(first.values())

    def _run(self, cells: Sequence[Cell], count: int) -> list[Record]:
        """Run some cells side by side; those that had too little memory again, each alone."""
        records, again = [], []
        for job, result in self._launch(self._jobs(cells, count), count):
            if count > 1 and (why := _harmed_by_neighbours(result)) is not None:
                again.append(job.cell)
                self._listen(Remark(f"runs again alone: beside others {why}", job.cell.label))
            else:
                records.append(self._keep(job, result))
        for job, result in self._launch(self._jobs(again, 1), 1):
            records.append(self._keep(job, result))
        return records

    def _jobs(self, cells: Iterable[Cell], count: int) -> Iterator[Job]:
        device = self._context.device.type
        for cell in cells:
            self._listen(CellStarted(cell, self._numbers[cell.id], self._total, self._left))
            # A neighbour on the device must not decide how a cell is trained.
            falls_back = count == 1 or device == "cpu"
            yield Job(cell, self._precedents.of(cell, device), falls_back)

    def _keep(self, job: Job, result: CellResult | Died) -> Record:
        if isinstance(result, Died):
            result = failed(job.cell, self._context, result.why, result.output)
        self._study.write_cell(result.record, result.tables)
        self._precedents.add(result.record)
        self._left -= 1
        self._listen(CellFinished(result.record))
        return result.record


def _harmed_by_neighbours(result: CellResult | Died) -> str | None:
    """What happened to a cell that may not happen to it alone: all that has to do with memory."""
    if isinstance(result, Died):
        return None if result.by_limit else result.why
    failure = result.record.failure
    if failure is not None:
        return failure if failure.startswith("out of memory") else None
    if any(execution.out_of_memory for execution in _executions(result.record)):
        return "it did not fit into memory"
    return None
