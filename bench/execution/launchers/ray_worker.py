"""A place for cells on a machine of a Ray cluster, from the side of that machine."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import ray
from filelock import FileLock
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from bench.data.cache import default_root
from bench.errors import InputError
from bench.events import Event, Listener
from bench.execution.cell import CellResult, Job
from bench.execution.grid_run import GOES_ON
from bench.execution.launchers.node import Answer, Errand, Node, of_this_machine
from bench.execution.launchers.sent_files import with_files_here
from bench.files import atomic_path
from bench.machine.stop import Stop
from bench.study.record import Provenance

CHUNK_BYTES = 2**26  # of a file that is sent


class Worker:
    """Runs cells, one after the other, in a process of its own each.

    What is loaded for the first one is there for the others.
    """

    def __init__(self) -> None:
        # One that lives as long as this process does: what it starts ends with it.
        self._thread = ThreadPoolExecutor(1)
        self._stop = Stop()
        self._errand: Errand | None = None
        self._node: Node | None = None

    def work(
        self, errand: Errand, job: Job, expected: Provenance, home: str
    ) -> Iterator[Event | Answer]:
        """Give what the cell tells while it runs, and at last how it ended.

        Args:
            errand: of the run.
            job: the cell.
            expected: what there is behind the cell where the study is kept.
            home: the id of the machine, in Ray, that sends archives.
        """
        told: SimpleQueue[Event | None] = SimpleQueue()
        work = self._thread.submit(self._run, errand, job, expected, home, told.put)
        work.add_done_callback(lambda _: told.put(None))
        while (event := told.get()) is not None:
            yield event
        yield work.result()

    def stop(self) -> None:
        """Have the cell at work keep what it has come to, and end."""
        self._stop.ask()

    def _run(
        self, errand: Errand, job: Job, expected: Provenance, home: str, listen: Listener
    ) -> Answer:
        try:
            if self._node is None or errand != self._errand:
                if self._node is not None:
                    self._node.end()
                self._node, self._errand = Node(_localised(errand, expected, home)), errand
        except InputError as error:
            return error
        except RayTaskError as error:  # of the machine that sends archives
            if isinstance(error.cause, InputError):
                return error.cause
            raise
        answer = self._node.run(job, expected, listen, self._stop)
        is_over = isinstance(answer, CellResult) and answer.record.failure_kind not in GOES_ON
        if is_over:
            shutil.rmtree(_checkpoints(errand) / job.cell.id, ignore_errors=True)
        return answer


def _localised(errand: Errand, expected: Provenance, home: str) -> Errand:
    """The errand with paths that lead to something on this machine.

    Raises:
        InputError: what is not here cannot be sent.
    """
    if errand.working_folder.is_dir():
        os.chdir(errand.working_folder)

    def fetch_file(path: str) -> Path:
        return fetch(errand.working_folder / path, f"{expected.data}"[:16], home)

    grid = with_files_here(errand.grid, fetch_file)
    return errand._replace(grid=grid, folder=_checkpoints(errand))


def _checkpoints(errand: Errand) -> Path:
    """The folder for checkpoints: the study's, or one of this machine's own."""
    if errand.folder.parent.is_dir():
        return errand.folder
    name = hashlib.sha256(str(errand.folder).encode()).hexdigest()[:16]
    return default_root() / "checkpoints" / name


def fetch(path: Path, data: str, home: str) -> Path:
    """Return the copy of another machine's file in this one's cache folder, made once.

    Args:
        path: of the file, on the other machine.
        data: names the dataset that it is of.
        home: the id of the other machine, in Ray.

    Raises:
        InputError: it is no file there.
    """
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    place = default_root() / "sent" / data / digest / path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f".{path.name}.lock")):
        if not place.exists():
            on_home = NodeAffinitySchedulingStrategy(home, soft=False)
            read = ray.remote(_read).options(num_cpus=0, scheduling_strategy=on_home)
            with atomic_path(place) as partial, partial.open("wb") as file:
                while chunk := ray.get(read.remote(path, file.tell())):
                    file.write(chunk)
    return place


def _read(path: Path, offset: int) -> bytes:
    """A part of a file, from so many bytes on; nothing at its end."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK_BYTES)
    except OSError as error:
        raise of_this_machine(InputError(f"{path}: cannot be sent: {error.strerror}")) from None
