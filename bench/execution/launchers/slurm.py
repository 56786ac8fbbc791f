"""Cells as jobs of SLURM: an array of them, each on whatever machine it is given.

The machines see the study's folder, the archives and the user's code on the disk that they share.
A job that is preempted or comes to its limit of time has its cell write a checkpoint, goes back
into the queue, and goes on from there.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from multiprocessing import connection
from pathlib import Path
from typing import Any, NamedTuple

import submitit
from submitit.core.utils import FailedJobError, UncompletedJobError
from submitit.slurm.slurm import SlurmExecutor

from bench.errors import InputError, suggestion
from bench.events import Listener
from bench.execution.cell import CellResult, Job
from bench.execution.context import RunContext
from bench.execution.launchers.contract import Died, Stopped
from bench.execution.launchers.node import Answer, Errand, kind_of_device
from bench.execution.launchers.slurm_task import ALIVE, CellTask, Events
from bench.machine.job_process import OUTPUT_BYTES, STOP_S
from bench.machine.stop import Stop
from bench.settings.grid import Grid
from bench.study import places
from bench.study.record import FailureKind

LOOK_S = 1.0  # between two looks at what jobs have come to
FORGOTTEN_S = 86400.0  # after so long without a sign of life what a run has left is removed
NOT_ASKED = {"job_name", "nodes", "ntasks_per_node", "tasks_per_node"}  # a cell is one task


def parameters() -> list[str]:
    """Return the names of what can be asked of SLURM for each cell."""
    common: set[str] = submitit.AutoExecutor._valid_parameters()  # noqa: SLF001 - no public list
    return sorted((common | SlurmExecutor._valid_parameters()) - NOT_ASKED)  # noqa: SLF001


class SlurmCluster:
    """The machines of a SLURM cluster.

    Args:
        asked: for each cell: `parameters` of submitit, without the prefix ``slurm_``.
        device: the kind of device to compute on; auto: cuda if GPUs are asked for.
        executor: of submitit: ``local`` runs jobs on this machine, for tests.

    Raises:
        InputError: there is no SLURM here, or no such parameter.
    """

    def __init__(
        self, asked: Mapping[str, Any], device: str = "auto", executor: str = "slurm"
    ) -> None:
        for name in asked:
            if name not in parameters():
                raise InputError(f"--cluster {name}: unknown{suggestion(name, parameters())}")
        self.cpus: int | None = asked.get("cpus_per_task")
        if self.cpus is not None and (type(self.cpus) is not int or self.cpus < 1):
            raise InputError(f"--cluster cpus_per_task={self.cpus}: give a number from 1")
        if executor == "slurm" and shutil.which("sbatch") is None:
            raise InputError(
                "--launcher slurm: there is no sbatch on this machine; run it where jobs are sent "
                "to SLURM from, or leave --launcher out"
            )
        self._asked, self._executor = dict(asked), executor
        gpus = "gpu" in str(asked.get("gres")) or any(
            asked[name] for name in asked if "gpu" in name
        )
        self._device = kind_of_device(device, gpus=gpus)

    def launcher(
        self, grid: Grid, context: RunContext, listen: Listener, stop: Stop
    ) -> SlurmLauncher:
        """Return what sends a grid's cells to the cluster."""
        errand = Errand.of(grid, context, self._device)
        return SlurmLauncher(errand, context, self._create_executor, listen, stop)

    def _create_executor(self, folder: Path, threads: int) -> submitit.AutoExecutor:
        executor = submitit.AutoExecutor(folder, cluster=self._executor)
        common = executor._valid_parameters()  # noqa: SLF001 - there is no public list of them
        asked = {"name": "bench", "cpus_per_task": threads} | self._asked
        named = {name if name in common else f"slurm_{name}": asked[name] for name in asked}
        try:
            executor.update_parameters(**named)
        except (AssertionError, TypeError, ValueError) as error:
            raise InputError(f"--cluster: {' '.join(str(error).split())}") from None
        return executor


class _Sent(NamedTuple):
    """A cell at the cluster."""

    job: Job
    at_cluster: submitit.Job[Answer]
    events: Events


class SlurmLauncher:
    """Runs cells as jobs of a cluster.

    Args:
        errand: what each job has to know.
        context: of this process.
        create_executor: makes what sends jobs, from its folder and the number of threads.
        listen: told what cells tell.
        stop: ends all when it is asked.
    """

    shares_device = False

    def __init__(
        self,
        errand: Errand,
        context: RunContext,
        create_executor: Callable[[Path, int], submitit.AutoExecutor],
        listen: Listener,
        stop: Stop,
    ) -> None:
        self.device = errand.device
        self._errand, self._context = errand, context
        self._create_executor, self._listen, self._stop = create_executor, listen, stop

    def __call__(
        self, jobs: Iterable[Job], count: int
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Send the jobs as an array; beyond ``count`` of them, one whenever another one has ended.

        Raises:
            InputError: the cluster takes no such jobs, or a machine has not what the grid names.
        """
        parent = self._context.folder.parent / places.SLURM
        parent.mkdir(parents=True, exist_ok=True)
        _clear_up(parent)
        folder = Path(tempfile.mkdtemp(dir=parent))
        sent: list[_Sent] = []
        try:
            for one, answer in self._run(iter(jobs), count, folder, sent):
                if isinstance(answer, InputError):
                    raise answer
                yield one.job, answer
        finally:
            for one in sent:
                one.at_cluster.cancel(check=False)
            shutil.rmtree(folder, ignore_errors=True)
            if not any(parent.iterdir()):
                parent.rmdir()

    def _run(
        self, left: Iterator[Job], count: int, folder: Path, sent: list[_Sent]
    ) -> Iterator[tuple[_Sent, Answer]]:
        alive = folder / ALIVE
        alive.touch()
        executor = self._create_executor(folder, self._errand.threads)
        give_up_at = float("inf")
        while True:
            if self._stop.asked and alive.exists():
                left, give_up_at = iter(()), time.monotonic() + STOP_S + 2 * LOOK_S
                alive.unlink()
            sent += self._send(executor, list(islice(left, count - len(sent))), folder)
            if not sent:
                return
            if not self._stop.asked:
                os.utime(alive)
                connection.wait([self._stop.wakes], timeout=LOOK_S)
            else:
                time.sleep(LOOK_S / 4)
            is_over = time.monotonic() > give_up_at
            for one in list(sent):
                is_done = one.at_cluster.done()
                for event in one.events.read():
                    self._listen(event)
                if is_done:
                    sent.remove(one)
                    yield one, _answer(one.at_cluster)
                elif is_over:  # it waits in the queue, or does not stop
                    sent.remove(one)
                    one.at_cluster.cancel(check=False)
                    yield one, Stopped()

    def _send(self, executor: submitit.AutoExecutor, jobs: list[Job], folder: Path) -> list[_Sent]:
        if not jobs:
            return []
        inventory = self._context.inventory
        tasks = [CellTask(self._errand, job, inventory.of(job.cell), folder) for job in jobs]
        at_cluster = executor.submit_array(tasks)
        return [
            _Sent(task.job, one, Events(task.events))
            for task, one in zip(tasks, at_cluster, strict=True)
        ]


def _clear_up(parent: Path) -> None:
    """Remove what runs have left that were killed."""
    for folder in parent.iterdir():
        alive = folder / ALIVE
        if alive.exists() and time.time() - alive.stat().st_mtime > FORGOTTEN_S:
            shutil.rmtree(folder, ignore_errors=True)


def _answer(job: submitit.Job[Answer]) -> Answer:
    """What a job that is over has left."""
    try:
        return job.result()
    except (FailedJobError, UncompletedJobError):
        output = "".join(filter(None, (job.stdout(), job.stderr())))[-OUTPUT_BYTES:]
        why = f"its job {job.job_id} ended without a result ({job.state.lower()})"
        return Died(why, output, FailureKind.KILLED)
