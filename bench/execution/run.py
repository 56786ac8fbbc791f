"""Where the steps meet: from a grid to a study on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

import torch

from bench.data.leakage import find_leakage
from bench.errors import InputError
from bench.evaluation.metric import Metric
from bench.execution.cell import CellResult, failed, figures, run_cell
from bench.execution.context import RunContext, open_context, open_inventory
from bench.execution.launchers import processes
from bench.machine.memory import give_back_freed_memory
from bench.machine.worker_pool import Died
from bench.settings.grid import Cell, Grid
from bench.study import places
from bench.study.measurement import Measurement, TimingCase, measurement_id
from bench.study.plan import PlannedCell, State, changed_code, plan, timing_cases
from bench.study.record import Record
from bench.study.results import Results
from bench.study.study import Study
from bench.throughput import rounds
from bench.throughput.sampling import QUICK


class DataProgress(Protocol):
    """Receives how the data comes along."""

    def on_decoded(self, done: int, total: int) -> None:
        """So many images are in the cache."""

    def on_remark(self, text: str) -> None:
        """Something is worth saying."""


class Progress(DataProgress, Protocol):
    """Receives how far a run is."""

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """A cell starts, the ``number``-th of ``total`` in the grid."""

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """The running cell has come so far."""

    def on_record(self, record: Record) -> None:
        """A cell is finished."""


def look_ahead(grid: Grid, study: Study) -> list[PlannedCell]:
    """Return every cell of a grid and what the study holds of it; nothing is decoded or written.

    Raises:
        InputError: the data is at fault, or the study is of an earlier format.
    """
    return plan(grid.cells(), study.load_or_empty(), open_inventory(grid).of)


def has_to_run(planned: PlannedCell, *, retry_failed: bool, keep_stale: bool) -> bool:
    """Return whether a run has to do something about a cell."""
    return (
        planned.state in {State.MISSING, State.DAMAGED}
        or (planned.state is State.STALE and not keep_stale)
        or (planned.state is State.FAILED and retry_failed)
    )


def run(
    grid: Grid,
    study: Study,
    *,
    device: torch.device,
    progress: Progress,
    per_device: int | None = 1,
    throughput: bool = True,
    retry_failed: bool = False,
    keep_stale: bool = False,
    check_cache: bool = False,
) -> None:
    """Run every cell of the grid that the study lacks, then time the networks that it lacks.

    A cell that fails is recorded with its reason, and the rest goes on.

    Args:
        grid: the question.
        study: where the answers are kept.
        device: where to compute.
        progress: receives how far the run is.
        per_device: how many cells run side by side, each in a process; None finds out by the memory
            that the first one takes (on the CPU it is 1).
        throughput: whether to time the networks when all are trained.
        retry_failed: whether to run failed cells, and failed measurements, once more.
        keep_stale: whether to leave cells as they are whose data, weights or code have changed.
        check_cache: whether to compare decoded images with their checksums to the last byte.

    Raises:
        InputError: the data, a metric or a file of weights is at fault; nothing is written.
    """
    context = open_context(
        grid,
        device,
        check_cache=check_cache,
        on_decoded=progress.on_decoded,
        on_remark=progress.on_remark,
    )
    for remark in find_leakage(context.loader.dataset, context.split):
        progress.on_remark(remark)
    cells = list(grid.cells())
    results = study.load_or_empty()
    planned = plan(cells, results, context.inventory.of)
    try:
        study.write_grid(
            grid,
            context.inventory.of_all(cells),
            {metric.name: metric.contract for metric in context.metrics},
        )
    except OSError as error:
        raise InputError(f"{study.folder}: cannot be written to: {error.strerror}") from None
    _say_what_does_not_hold(planned, progress, keep_stale=keep_stale)
    to_run = {
        one.cell.id
        for one in planned
        if has_to_run(one, retry_failed=retry_failed, keep_stale=keep_stale)
    }
    to_keep = [record for cell_id, record in results.records.items() if cell_id not in to_run]
    damaged = update_metrics(to_keep, results, study, context.metrics, progress)
    to_run |= damaged & {cell.id for cell in cells}
    _run_cells(grid, to_run, study, context, progress, per_device=per_device)
    if throughput:
        measure_throughput(grid, study, context, progress, retry_failed=retry_failed)


def _say_what_does_not_hold(
    planned: Sequence[PlannedCell], progress: Progress, *, keep_stale: bool
) -> None:
    for one in planned:
        if one.state is State.DAMAGED:
            progress.on_remark(f"{one.cell.label}: damaged: {one.why}; running it again")
        elif one.state is State.STALE:
            what = "kept" if keep_stale else "running it again"
            progress.on_remark(f"{one.cell.label}: stale: {one.why}; {what}")


def update_metrics(
    records: Sequence[Record],
    results: Results,
    study: Study,
    metrics: Sequence[Metric],
    progress: Progress,
) -> set[str]:
    """Compute from the kept scores what records lack, or have by another version of a metric.

    Figures of metrics that are not among the given ones stay.

    Returns:
        The ids of cells whose scores are damaged, which have to be run again.
    """
    present = {metric.name: metric.contract.source_sha256 for metric in metrics}
    damaged = set()
    for record in records:
        if record.summary is None or present.items() <= record.metrics.items():
            continue
        names = [places.SCORES, *([places.CONSISTENCY] if record.consistency is not None else [])]
        try:
            tables = {name: results.scores(record.cell.id, name) for name in names}
        except InputError as error:
            progress.on_remark(str(error))
            damaged.add(record.cell.id)
            continue
        new = figures(tables, metrics)
        kept = {
            field: {k: v for k, v in (getattr(record, field) or {}).items() if k not in present}
            for field in ("summary", "consistency", "metrics", "problems")
        }
        update = {field: None if new[field] is None else kept[field] | new[field] for field in kept}
        study.write_cell(record.model_copy(update=update), tables)
    return damaged


def _run_cells(
    grid: Grid,
    to_run: set[str],
    study: Study,
    context: RunContext,
    progress: Progress,
    *,
    per_device: int | None,
) -> None:
    cells = list(grid.cells())
    left = deque((number, cell) for number, cell in enumerate(cells, 1) if cell.id in to_run)
    side_by_side = per_device or 1

    def keep(result: CellResult) -> None:
        study.write_cell(result.record, result.tables)
        progress.on_record(result.record)

    while left and (side_by_side == 1 or left[0][1].loss is None):
        number, cell = left.popleft()
        progress.on_cell(cell, number, len(cells))
        result = run_cell(cell, context, progress.on_step)
        keep(result)
        if per_device is None and cell.loss is not None:
            per_device = side_by_side = processes.fitting(result.record, context.device)
    numbers = {cell.id: number for number, cell in left}
    jobs = [cell for _, cell in left]
    for cell, answer in processes.run_cells(jobs, grid, context.device, side_by_side):
        progress.on_cell(cell, numbers[cell.id], len(cells))
        keep(failed(cell, context, answer.ending) if isinstance(answer, Died) else answer)


def measure_throughput(
    grid: Grid,
    study: Study,
    context: RunContext,
    progress: Progress,
    *,
    retry_failed: bool = False,
) -> None:
    """Time the grid's networks that the study has no figures of on this machine, of this code."""
    results = study.load_or_empty()
    complete = [record for record in results.records.values() if record.summary is not None]
    timed = timing_cases(grid, {record.cell.id for record in complete})
    cases = [case for case, _ in timed]
    sources = {case.id: context.inventory.of(cell).sources for case, cell in timed}

    def is_measured(case: TimingCase) -> bool:
        measured = results.measurements.get(measurement_id(case, context.environment))
        if measured is None or (measured.failure is not None and retry_failed):
            return False
        return not any(changed_code(measured.sources, sources[case.id]))

    missing = [case for case in cases if not is_measured(case)]
    if not missing:
        return
    give_back_freed_memory()  # for the processes that measure
    if context.device.type == "cuda":
        torch.cuda.empty_cache()
    names = ", ".join(case.label for case in missing)
    progress.on_remark(f"measuring throughput in {QUICK.rounds} rounds: {names}")

    def on_result(measured: Measurement) -> None:
        study.write_measurement(measured.model_copy(update={"sources": sources[measured.case.id]}))
        progress.on_remark(f"throughput of {measured.case.label}: {measured.outcome}")

    def on_turn(case: TimingCase, turn: int) -> None:
        if turn and case == cases[0]:
            progress.on_remark(f"throughput: round {turn} of {QUICK.rounds}")

    rounds.measure(missing, cases[0], QUICK, context.device, on_result=on_result, on_turn=on_turn)
