"""What a job of SLURM does: one cell, which tells how far it is by a file that all machines see."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from submitit.helpers import DelayedSubmission

from bench.errors import InputError
from bench.events import Event
from bench.execution.cell import CellResult, Job
from bench.execution.launchers.node import Answer, Errand, Node
from bench.machine.stop import Stop
from bench.study.record import Provenance

ALIVE = "alive"  # the file by which jobs see that the run which has sent them goes on
LOOK_S = 1.0  # between two looks at it
DEAD_S = 300.0  # after so long without a sign of life a run is taken for dead; disks may lag


class CellTask:
    """What a job does, as submitit calls it.

    Args:
        errand: of the run.
        job: the cell.
        expected: what there is behind the cell where the study is kept.
        folder: of the jobs, on the disk that all machines share.

    Attributes:
        events: the file for what the cell tells.
    """

    def __init__(self, errand: Errand, job: Job, expected: Provenance, folder: Path) -> None:
        self._errand, self.job, self._expected, self._folder = errand, job, expected, folder
        self.events = folder / f"{job.cell.id}.events"
        self._work: Future[Answer] | None = None
        self._answer: Answer | None = None

    def __call__(self) -> Answer:
        """Run the cell; it stops when the run does, or is no more."""
        if self._answer is not None:
            return self._answer
        try:
            node = Node(self._errand)
        except InputError as error:
            return error
        self._stop = Stop()
        try:
            # Beside this thread, which submitit interrupts to call `checkpoint`.
            with ThreadPoolExecutor(1) as pool, self.events.open("ab") as file:

                def tell(event: Event) -> None:
                    pickle.dump(event, file)
                    file.flush()

                self._work = pool.submit(node.run, self.job, self._expected, tell, self._stop)
                self._watch(self._work)
                return self._work.result()
        finally:
            node.end()

    def checkpoint(self) -> DelayedSubmission:
        """Have the cell write a checkpoint and stop, and return what is to be done later."""
        again = CellTask(self._errand, self.job, self._expected, self._folder)
        if self._work is not None:
            self._stop.ask()
            answer = self._work.result()
            again._answer = answer if isinstance(answer, CellResult) else None
        return DelayedSubmission(again)

    def _watch(self, work: Future[Answer]) -> None:
        """Ask the cell to stop when the run has taken its sign away, or gives none any more."""
        last, since = None, time.monotonic()
        while not work.done():
            try:
                sign = (self._folder / ALIVE).stat().st_mtime_ns
            except FileNotFoundError:
                self._stop.ask()
                return
            if sign != last:
                last, since = sign, time.monotonic()
            elif time.monotonic() - since > DEAD_S:
                self._stop.ask()
                return
            wait([work], timeout=LOOK_S)


class Events:
    """What a cell tells, which its job appends to a file."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def read(self) -> Iterator[Event]:
        """Give what has come since the last time."""
        try:
            file = self._path.open("rb")
        except OSError:
            return  # there is nothing yet
        with file:
            file.seek(self._read)
            while True:
                try:
                    event = pickle.load(file)  # noqa: S301 - from our own job
                except (EOFError, pickle.UnpicklingError):
                    return  # the rest is still to come
                self._read = file.tell()
                yield event
