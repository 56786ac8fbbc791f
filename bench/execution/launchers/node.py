"""Another machine at work: the grid is opened there too, and cells run there as they do here."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from bench.errors import InputError, suggestion
from bench.events import Event, Listener, StepDone
from bench.execution.cell import CellResult, Job
from bench.execution.checkpoints import computing_code
from bench.execution.context import RunContext, open_context
from bench.execution.launchers import start_server
from bench.execution.launchers.contract import Died, Stopped
from bench.execution.launchers.processes import Processes
from bench.machine.device import CHOICES, choose
from bench.machine.stop import Stop
from bench.settings.grid import Grid
from bench.study.plan import changed
from bench.study.record import Provenance

PAUSE_S = 1.0  # between two messages about the steps of a cell

Answer = CellResult | Died | Stopped | InputError


class Errand(NamedTuple):
    """What a machine has to know to run cells of a grid.

    Attributes:
        grid: of the cells.
        device: the kind of device to compute on.
        threads: of the CPU, that each cell computes with.
        folder: of the study's checkpoints.
        working_folder: of the run, from which relative paths start.
        code: the digest of the code that computes there.
    """

    grid: Grid
    device: str
    threads: int
    folder: Path
    working_folder: Path
    code: str

    @classmethod
    def of(cls, grid: Grid, context: RunContext, device: str) -> Errand:
        """Return the errand of a run.

        Args:
            grid: of the cells.
            context: of this process.
            device: the kind of device that other machines compute on.
        """
        threads = context.environment.threads
        return cls(grid, device, threads, context.folder, Path.cwd(), computing_code())


class Node:
    """Runs cells on the machine where it is made, in processes that are forked from one server.

    Args:
        errand: from the machine that keeps the study.

    Raises:
        InputError: this machine has no such device, other code, or not what the grid names.
    """

    def __init__(self, errand: Errand) -> None:
        if errand.working_folder.is_dir():
            os.chdir(errand.working_folder)
        self._grid = errand.grid
        self._server = start_server()
        try:
            self._server.preload(errand.grid)
            _check_code(errand.code)
            torch.set_num_threads(errand.threads)
            self._context = open_context(errand.grid, choose(errand.device), errand.folder)
        except InputError as error:
            self.end()
            raise of_this_machine(error) from None

    def run(self, job: Job, expected: Provenance, listen: Listener, stop: Stop) -> Answer:
        """Run one cell in a process of its own.

        Args:
            job: the cell.
            expected: what there is behind the cell where the study is kept.
            listen: told what the cell tells; of its steps, one a second.
            stop: ends it when it is asked.

        Returns:
            How it ended; an InputError if its data, weights or code are others than ``expected``.
        """
        try:
            self._check(job, expected)
            launch = Processes(self._server, self._grid, self._context, sparing(listen), stop)
            return next((answer for _, answer in launch([job], 1)), Stopped())
        except InputError as error:
            return of_this_machine(error)

    def _check(self, job: Job, expected: Provenance) -> None:
        changes = ", ".join(changed(expected, self._context.inventory.of(job.cell)))
        if changes:
            raise InputError(f"{job.cell.label}: this is not what the run has: {changes}")

    def end(self) -> None:
        """End its processes."""
        self._server.end()


def _check_code(expected: str) -> None:
    if computing_code() != expected:
        raise InputError("bench is installed in another version than where the run is")


def kind_of_device(asked: str, *, gpus: bool) -> str:
    """Return the kind of device that cells compute on elsewhere.

    Args:
        asked: by the user; ``auto`` depends on whether ``gpus`` are asked for.
        gpus: likewise.

    Raises:
        InputError: there is no such kind.
    """
    if asked not in CHOICES:
        raise InputError(f"--device: unknown device {asked!r}{suggestion(asked, CHOICES)}")
    if asked != "auto":
        return asked
    return "cuda" if gpus else "cpu"


def of_this_machine(error: InputError) -> InputError:
    """Return an error that says on which machine it was."""
    return InputError(f"on {platform.node()}: {error}")


def sparing(listen: Listener) -> Callable[[Event], None]:
    """Return a listener that passes on all but most of the steps of a cell."""
    last = float("-inf")

    def pass_on(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(event, StepDone):
            if now - last < PAUSE_S:
                return
            last = now
        listen(event)

    return pass_on
