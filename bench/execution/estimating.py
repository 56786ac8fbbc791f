"""What a grid will take, from a probe of each architecture with each loss."""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from bench.errors import InputError
from bench.events import Decoded, Event
from bench.execution.context import RunContext, open_context
from bench.execution.launchers.contract import Stopped
from bench.execution.launchers.processes import begin, open_for_forks
from bench.execution.probe import FEWER_STEPS, STEPS, Probed, probe
from bench.execution.run import has_to_run
from bench.execution.threads import computing_with, threads_for
from bench.machine.device import check_count
from bench.machine.failure import Failure
from bench.machine.fork_server import ForkServer
from bench.machine.job_process import Ended, Limits, Task
from bench.machine.stop import Stop
from bench.settings import identity
from bench.settings.cell import Cell
from bench.settings.grid import Grid
from bench.study import places
from bench.study.estimate import Cost, Estimate, row_of
from bench.study.plan import PlannedCell
from bench.study.study import Study
from bench.training.checkpoint import Interrupted

PROBE_S = 600.0  # after which a probe is ended, where the grid has no lower limit


def estimate(
    grid: Grid,
    planned: Iterable[PlannedCell],
    study: Study,
    *,
    device: torch.device,
    server: ForkServer,
    every_row: bool = False,
    on_progress: Callable[[int, int], None] = lambda *_: None,
) -> Estimate:
    """Probe what has to run, each network with each loss in a process of its own.

    Nothing of the study is written.

    Args:
        grid: the question.
        planned: its cells, in the order of work, and what the study holds of them.
        study: whose cells they are.
        device: where to compute.
        server: starts the processes, and is ended.
        every_row: whether to probe rows too that have no cell to run.
        on_progress: told how many of how many images are decoded, and then of how many probes are
            over.

    Raises:
        InputError: the data, a metric or a file of weights is at fault.
        KeyboardInterrupt: it was asked to stop.
    """
    cells = [one.cell for one in planned if has_to_run(one)]
    rows: dict[str, Cell] = {}
    for cell in [*cells, *(grid.cells() if every_row else ())]:
        rows.setdefault(row_of(cell), to_probe(cell))
    costs: dict[str, Cost | str] = {}
    stop = Stop()

    def listen(event: Event) -> None:
        if isinstance(event, Decoded):
            on_progress(event.done, event.total)

    try:
        with (
            stop.listening(),
            computing_with(threads_for(study.load_or_empty(), None)),
            tempfile.TemporaryDirectory() as folder,
        ):
            check_count(device, grid.devices_per_cell, torch.get_num_threads())
            context = open_context(grid, device, Path(folder), listen=listen)
            on_progress(0, len(rows))
            test_images = len(context.split.test)
            for cell, ended, whole_s in _probes(rows.values(), grid, context, server, stop):
                costs[row_of(cell)] = _cost(grid, ended, whole_s, Path(folder), test_images)
                on_progress(len(costs), len(rows))
    finally:
        server.end()
    return Estimate(grid, cells, costs)


def to_probe(cell: Cell) -> Cell:
    """What tells the cost of a cell; of a trial, with the largest batches that are tried."""
    if cell.trial is None or cell.tuning is None:
        return cell
    sizes = cell.tuning.spaces.get("batch_size")
    found = {"batch_size": max(sizes)} if isinstance(sizes, tuple) else {}
    train = cell.tuning.with_found(cell.train, found)
    return cell.model_copy(update={"train": train, "trial": None})


def _probes(
    cells: Iterable[Cell], grid: Grid, context: RunContext, server: ForkServer, stop: Stop
) -> Iterator[tuple[Cell, Ended, float]]:
    """Give how the probe of each cell has ended, and after how long since it began."""
    began: list[float] = []
    seconds = min(grid.limits.seconds or PROBE_S, PROBE_S)
    task = Task(
        partial(open_for_forks, grid, context.device, context.folder, context.environment),
        begin,
        _work,
        Limits(seconds, grid.limits.memory_gib),
    )

    def note(_message: object) -> None:
        began.append(time.perf_counter())

    known: set[str] = set()  # networks

    def jobs() -> Iterator[tuple[Cell, int]]:
        for cell in cells:
            network = identity.digest(identity.of_architecture(cell.architecture))
            yield cell, FEWER_STEPS if network in known else STEPS
            known.add(network)

    for (cell, _), ended in server.map(jobs(), task, count=1, on_message=note, stop=stop):
        yield cell, ended, time.perf_counter() - began[-1] if began else 0.0


def _work(
    context: RunContext,
    job: tuple[Cell, int],
    tell: Callable[[Any], None],
    must_stop: Callable[[], bool],
) -> Probed | Stopped | InputError | str:
    tell("begun")
    cell, steps = job
    try:
        return probe(cell, context, must_stop, steps=steps)
    except InputError as error:
        return error
    except Interrupted:
        return Stopped()
    except BaseException as error:  # noqa: BLE001 - whatever a network does
        return Failure.of(error).reason


def _cost(grid: Grid, ended: Ended, whole_s: float, folder: Path, test_images: int) -> Cost | str:
    """Return what a cell takes; or why its probe has failed.

    Args:
        grid: the question.
        ended: the probe.
        whole_s: how long it took with the way back of its result.
        folder: where its result may be kept, to see what that takes.
        test_images: that the whole cell is scored on.

    Raises:
        InputError: the cell's code or files are at fault.
    """
    found = ended.answer
    if isinstance(found, InputError):
        raise found
    if not isinstance(found, Probed):
        return found if isinstance(found, str) else ended.died or "its process was asked to stop"
    record, tables, weights = found.result
    if record.failure is not None:
        return record.failure
    started = time.perf_counter()
    Study(folder).write_cell(record, tables, None if grid.keep.weights == "none" else weights)
    written_s = time.perf_counter() - started
    whole = dict.fromkeys(tables, test_images)
    if places.PREDICTIONS in whole:
        whole[places.PREDICTIONS] = min(test_images, grid.keep.predictions)
    kept = sum(file.stat().st_size for file in (folder / places.of_cell(record.cell)).iterdir())
    return replace(
        found.cost,
        around_s=whole_s - found.seconds + written_s,
        kept_bytes=kept + sum(_growth(tables[name], rows) for name, rows in whole.items()),
    )


def _growth(table: pd.DataFrame, rows: int) -> int:
    """Return how many bytes more a table's file has with so many rows, alike in kind."""
    half = len(table) // 2
    per_row = (_file_bytes(table) - _file_bytes(table[:half])) / (len(table) - half)
    return round(per_row * (rows - len(table)))


def _file_bytes(table: pd.DataFrame) -> int:
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.tell()
