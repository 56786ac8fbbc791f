"""Where the steps meet: from a grid to a study on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import torch

from bench.data.batch_loader import BatchLoader
from bench.data.cache import open_dataset
from bench.data.dataset import Dataset
from bench.data.split import SplitRows, split_rows
from bench.errors import InputError
from bench.evaluation import baselines
from bench.execution.cell import CellResult, RunContext, failed, run_cell
from bench.machine import environment
from bench.machine.memory import give_back_freed_memory, keep_freed_memory
from bench.machine.processes import answer_all
from bench.machine.worker_pool import Died, map_unordered
from bench.settings import Architecture, Data
from bench.settings.base import Size
from bench.settings.grid import Cell, Grid
from bench.study.measurement import Measurement, TimingCase
from bench.study.record import Record
from bench.study.study import Study
from bench.throughput import rounds
from bench.throughput.sampling import QUICK

MAX_PER_DEVICE = 4  # cells that ``auto`` puts side by side: more gain little
CONTEXT_MIB = 700  # that a process takes on a CUDA device before it computes anything


class DataProgress(Protocol):
    """Who is told how the data comes along."""

    def on_decoded(self, done: int, total: int) -> None:
        """So many images are in the cache."""

    def on_remark(self, text: str) -> None:
        """Something is worth saying."""


class Progress(DataProgress, Protocol):
    """Who is told how far a run is."""

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """A cell starts, the ``number``-th of ``total`` in the grid."""

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """The running cell has come so far."""

    def on_record(self, record: Record) -> None:
        """A cell is finished."""


def baseline_cells(grid: Grid) -> Iterable[Cell]:
    """The trivial baselines of what a grid is about, as cells without a loss."""
    for name, kinds in baselines.KINDS.items():
        if not kinds <= grid.kinds():
            continue
        yield Cell(
            architecture=Architecture(name=name),
            loss=None,
            seed=0,
            data=grid.data,
            train=grid.train,
        )


def all_cells(grid: Grid) -> list[Cell]:
    """Everything a study of this grid holds when it is done, in the order it is run."""
    return [*baseline_cells(grid), *grid.cells()]


def missing_cells(grid: Grid, study: Study) -> list[Cell]:
    """The cells that have no record yet."""
    finished = study.finished()
    return [cell for cell in all_cells(grid) if cell.id not in finished]


def forget_failed(grid: Grid, study: Study) -> None:
    """Remove the grid's failed cells and measurements, so that they are run once more."""
    measured = study.read_throughput()
    for case in timed_subjects(grid, study):
        if case.id in measured and measured[case.id].failure is not None:
            study.remove_throughput(case.id)
    finished = study.finished()
    for cell in all_cells(grid):
        if cell.id in finished and study.read(cell.id).failure is not None:
            study.remove(cell.id)


def timed_subjects(grid: Grid, study: Study) -> list[TimingCase]:
    """Each network of the grid with the first loss that it was trained with, to be timed.

    A network of which no cell is complete is left out.
    """
    finished = study.finished()
    cases: dict[str, TimingCase] = {}
    for cell in grid.cells():
        name = cell.architecture.label
        if cell.loss is None or name in cases or cell.id not in finished:
            continue
        if study.read(cell.id).failure is None:
            cases[name] = TimingCase(
                architecture=cell.architecture,
                loss=cell.loss,
                recipe=cell.train.recipes()[-1],
                image_size=cell.data.image_size,
                teacher=cell.train.teacher.architecture if cell.train.teacher else None,
            )
    return list(cases.values())


def run(
    grid: Grid,
    study: Study,
    *,
    device: torch.device,
    progress: Progress,
    per_device: int | None = 1,
    throughput: bool = True,
) -> None:
    """Run every cell of the grid that the study lacks, then time the networks that it lacks.

    A cell that fails is recorded with its reason, and the rest goes on.

    Args:
        grid: the question.
        study: the study.
        device: where to compute.
        progress: who is told.
        per_device: how many cells run side by side, each in a process; None finds out by the memory
            that the first one takes (on the CPU it is 1).
        throughput: whether to time the networks when all are trained.

    Raises:
        InputError: the data is at fault, or the study was made from other data; nothing is written.
    """
    _run_cells(grid, study, device, progress, per_device)
    if throughput:
        measure_throughput(grid, study, device=device, progress=progress)


def measure_throughput(
    grid: Grid, study: Study, *, device: torch.device, progress: Progress
) -> None:
    """Time the grid's networks that the study has no figures of, in turn, when all are trained."""
    cases = timed_subjects(grid, study)
    measured = study.read_throughput()
    missing = [case for case in cases if case.id not in measured]
    if not missing:
        return
    give_back_freed_memory()  # for the processes that measure
    if device.type == "cuda":
        torch.cuda.empty_cache()
    names = ", ".join(case.label for case in missing)
    progress.on_remark(f"measuring throughput in {QUICK.rounds} rounds: {names}")

    def on_result(result: Measurement) -> None:
        study.append_throughput(result)
        progress.on_remark(f"throughput of {result.case.label}: {result.outcome}")

    def on_turn(case: TimingCase, turn: int) -> None:
        if turn and case == cases[0]:
            progress.on_remark(f"throughput: round {turn} of {QUICK.rounds}")

    rounds.measure(missing, cases[0], QUICK, device, on_result=on_result, on_turn=on_turn)


def _run_cells(
    grid: Grid, study: Study, device: torch.device, progress: Progress, per_device: int | None
) -> None:
    context = _open_context(grid, device, progress)
    cells = all_cells(grid)
    _check_comparable(cells, study, context.split)
    study.write_grid(grid)
    missing = {cell.id for cell in missing_cells(grid, study)}
    left = deque((number, cell) for number, cell in enumerate(cells, 1) if cell.id in missing)
    side_by_side = per_device or 1

    def keep(finished: CellResult) -> None:
        study.append(finished.record, finished.scores)
        progress.on_record(finished.record)

    while left and (side_by_side == 1 or left[0][1].loss is None):
        number, cell = left.popleft()
        progress.on_cell(cell, number, len(cells))
        finished = run_cell(cell, context, progress.on_step)
        keep(finished)
        if per_device is None and cell.loss is not None:
            per_device = side_by_side = _fitting(finished.record, device)
    numbers = {cell.id: number for number, cell in left}
    jobs = [cell for _, cell in left]
    arguments = (grid, device, max(1, torch.get_num_threads() // side_by_side))
    for cell, answer in map_unordered(jobs, side_by_side, _serve, *arguments):
        progress.on_cell(cell, numbers[cell.id], len(cells))
        keep(failed(cell, context, answer.ending) if isinstance(answer, Died) else answer)


def _serve(connection: Connection, grid: Grid, device: torch.device, threads: int) -> None:
    """Run the cells that come through the connection, until it is closed."""
    torch.set_num_threads(threads)
    context = _open_context(grid, device, _Silence())
    answer_all(connection, lambda cell: run_cell(cell, context, _Silence().on_step))


class _Silence:
    """Progress that nobody is told of: the process that shares out tells it."""

    def on_decoded(self, done: int, total: int) -> None: ...
    def on_remark(self, text: str) -> None: ...
    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None: ...


def _fitting(record: Record, device: torch.device) -> int:
    """How many cells like this one a device's memory holds side by side."""
    if device.type != "cuda" or record.peak_memory_mib is None:
        return 1
    free_mib = torch.cuda.mem_get_info(device)[0] / 2**20
    return max(1, min(MAX_PER_DEVICE, int(free_mib / (record.peak_memory_mib + CONTEXT_MIB))))


def _open_context(grid: Grid, device: torch.device, progress: DataProgress) -> RunContext:
    keep_freed_memory()
    loaders = {size: BatchLoader(_open(grid.data, size, progress), device) for size in _sizes(grid)}
    loader = loaders[grid.data.image_size]
    _check_kinds(grid, loader.dataset)
    split = split_rows(
        loader.dataset.samples, grid.data.split, loader.dataset.fingerprint, limit=grid.data.limit
    )
    return RunContext(loaders, loader, split, device, environment.describe(device))


def _open(data: Data, size: Size, progress: DataProgress) -> Dataset:
    return open_dataset(
        data.sources(),
        size,
        exclude=Path(data.exclude) if data.exclude else None,
        on_progress=progress.on_decoded,
        on_remark=progress.on_remark,
    )


def _check_kinds(grid: Grid, dataset: Dataset) -> None:
    """Make sure that the archives have what the grid needs.

    Raises:
        InputError: they do not; the line says how to do without.
    """
    lacking = grid.kinds() - {"composite", *dataset.tasks}
    if dataset.backgrounds is not None:
        lacking -= {"background"}
    remedies = {
        "mask": "train depth alone, as in losses: [{depth: l1}]",
        "depth": "train the mask alone, as in losses: [{mask: bce}]",
        "background": "give every network inputs: composite, as in {name: unet, inputs: composite}",
    }
    for kind in sorted(lacking):
        raise InputError(
            f"data.archive: {', '.join(grid.data.files)}: has no {kind}s, which the "
            f"grid needs; {remedies[kind]}"
        )


def _sizes(grid: Grid) -> set[Size]:
    """Every image size that some stage of the training needs."""
    recipes = [*grid.train.recipes(), *([grid.train.teacher] if grid.train.teacher else [])]
    return {grid.data.image_size, *(r.image_size for r in recipes if r.image_size is not None)}


def _check_comparable(cells: list[Cell], study: Study, split: SplitRows) -> None:
    """Refuse to fill up a study with figures from a changed archive or of changed defaults."""
    finished = study.finished()
    for cell in cells:
        if cell.id not in finished:
            continue
        record = study.read(cell.id)
        if record.split_digest != split.digest:
            origin = f"other contents of {', '.join(cell.data.files)}"
        elif record.cell != cell:
            origin = "a version of maskdepth-bench with other default settings"
        else:
            continue
        raise InputError(
            f"{study.folder}: holds results from {origin}; give another --out, or delete the folder"
        )
