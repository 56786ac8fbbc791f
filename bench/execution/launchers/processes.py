"""Cells on this machine, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch

import architectures
import losses
from bench.errors import InputError
from bench.events import EpochDone, Listener, Remark, StepDone
from bench.execution.cell import CellResult, Job, failed, run_cell
from bench.execution.context import RunContext, open_context
from bench.execution.launchers.contract import Died, Stopped
from bench.execution.provenance import loss_names, networks
from bench.machine.failure import Failure
from bench.machine.fork_server import ForkServer
from bench.machine.job_process import Ended, Limits, Task
from bench.machine.rank_processes import RankDiedError
from bench.machine.stop import Stop
from bench.settings.grid import Grid
from bench.study.record import Environment, Record
from bench.training.checkpoint import Interrupted

MAX_PER_DEVICE = 4  # cells that ``auto`` puts side by side: more gain little
CONTEXT_MIB = 700  # that a process takes on a CUDA device before it computes anything


class Processes:
    """Runs cells in processes that are forked from one server.

    Args:
        server: from `start_server`.
        grid: of the cells.
        context: of this process, opened.
        listen: told what cells tell.
        stop: ends all when it is asked.
    """

    shares_device = True

    def __init__(
        self, server: ForkServer, grid: Grid, context: RunContext, listen: Listener, stop: Stop
    ) -> None:
        self._server, self._listen, self._stop = server, listen, stop
        self.device = context.device.type
        limits = Limits(grid.limits.seconds, grid.limits.memory_gib)
        open_shared = partial(
            open_for_forks, grid, context.device, context.folder, context.environment
        )
        self._task = Task(open_shared, begin, _work, limits)

    def __call__(
        self, jobs: Iterable[Job], count: int
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Run the jobs, so many side by side.

        Raises:
            InputError: the code of a cell changed while it ran.
        """
        ends = self._server.map(
            jobs, self._task, count=count, on_message=self._pass_on, stop=self._stop
        )
        for job, ended in ends:
            yield job, self._result(job, ended)

    def _pass_on(self, message: object) -> None:
        if isinstance(message, StepDone | EpochDone | Remark):
            self._listen(message)

    def _result(self, job: Job, ended: Ended) -> CellResult | Died | Stopped:
        if isinstance(ended.answer, InputError):
            raise ended.answer
        if isinstance(ended.answer, Stopped):
            return ended.answer
        if isinstance(ended.answer, Died):
            return ended.answer._replace(output=ended.output)
        if isinstance(ended.answer, CellResult):
            if ended.output.strip():
                last = ended.output.strip().splitlines()[-1]
                self._listen(Remark(f"printed: {last}", about=job.cell.label))
            return ended.answer
        why = ended.died or "its answer is none"
        return Died(why, ended.output, ended.kind)


def fitting(record: Record, device: torch.device) -> int:
    """Return how many cells like this one a device's memory holds side by side."""
    if device.type != "cuda" or record.peak_memory_mib is None:
        return 1
    free_mib = torch.cuda.mem_get_info(device)[0] / 2**20
    # Beside each process there may be the next one, which waits for its turn.
    needed_mib = record.peak_memory_mib + record.data_memory_mib + 2 * CONTEXT_MIB
    return max(1, min(MAX_PER_DEVICE, int(free_mib / needed_mib)))


def open_for_forks(
    grid: Grid, device: torch.device, folder: Path, environment: Environment
) -> RunContext:
    """Open what all cells share, without a thread or a device: neither outlives a fork."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    torch.set_num_threads(1)
    preload(grid)
    return open_context(grid, device, folder, known=environment)


def preload(grid: Grid) -> None:
    """Import what the grid's networks and losses need, but for what is the user's own."""
    trained = [cell for cell in grid.cells() if cell.loss is not None]
    for name in {network.name for cell in trained for network in networks(cell)}:
        architectures.preload(name)
    for name in {name for cell in trained for name in loss_names(cell)}:
        if not losses.is_own_code(name):
            losses.load(name)


def begin(context: RunContext) -> None:
    """Set up the device, while another cell may be at work."""
    torch.set_num_threads(context.environment.threads)
    if context.device.type != "cpu":
        torch.zeros(1, device=context.device)


def _work(
    context: RunContext, job: Job, tell: Callable[[Any], None], must_stop: Callable[[], bool]
) -> CellResult | Died | Stopped | InputError:
    try:
        return run_cell(job, context, tell, must_stop)
    except InputError as error:
        return error
    except Interrupted:
        return Stopped()
    except RankDiedError as error:
        return Died(error.why, kind=error.kind)
    except KeyboardInterrupt as error:  # here it is the network's own
        why = Failure.of(error)
        return failed(job.cell, context, why)
