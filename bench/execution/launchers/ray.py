"""Cells on the machines of a Ray cluster, whose results travel back to the one that has the study.

Machines need this package and, at the same paths, the user's own code and weights; the archives
only if the paths lead to them there: else each machine is sent them once. Where the study's folder
is not there, checkpoints lie in the machine's own cache folder.
"""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from bench.errors import InputError, suggestion
from bench.events import Event, Listener
from bench.execution.cell import CellResult, Job
from bench.execution.context import RunContext
from bench.execution.launchers.contract import Died, Stopped
from bench.execution.launchers.node import (
    Answer,
    Errand,
    kind_of_device,
)
from bench.execution.launchers.ray_worker import Worker
from bench.machine.job_process import OUTPUT_BYTES, STOP_S
from bench.machine.stop import Stop
from bench.settings.grid import Grid
from bench.study.record import FailureKind

RESOURCES = ("num_cpus", "num_gpus", "memory_gib")  # of each cell
PARAMETERS = ("address", *RESOURCES)
LOOK_S = 0.2  # between two looks at whether the run was asked to stop
CENSUS_S = 2.0  # between two looks at which machines there are


@contextmanager
def ray_cluster(asked: Mapping[str, Any], device: str = "auto") -> Iterator[RayCluster]:
    """Connect to a Ray cluster, or start one on this machine, for as long as the block lasts.

    Args:
        asked: `PARAMETERS`: ``address`` of a cluster that this machine is part of, by default
            ``RAY_ADDRESS``; and what each cell takes: ``num_cpus`` (by default as many as it
            computes with threads), ``num_gpus``, also a fraction of one, ``memory_gib``.
        device: the kind of device to compute on; auto: cuda if GPUs are asked for.

    Raises:
        InputError: there is no such parameter, or no cluster at the address.
    """
    for name, value in asked.items():
        if name not in PARAMETERS:
            raise InputError(f"--cluster {name}: unknown{suggestion(name, PARAMETERS)}")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in RESOURCES and not (is_number and 0 <= value < math.inf):
            raise InputError(f"--cluster {name}={value}: give a number from 0")
        if name == "address" and not isinstance(value, str):
            raise InputError(f"--cluster address={value}: give one such as 10.0.0.1:6379 or auto")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing is reported to anybody
    address = asked.get("address", os.environ.get("RAY_ADDRESS"))
    options = {"address": "local", "include_dashboard": False} if address is None else {}
    try:
        ray.init(
            **({"address": address} | options), log_to_driver=False, logging_level=logging.ERROR
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"--cluster address={address}: {' '.join(str(error).split())}") from None
    try:
        yield RayCluster(asked, device)
    finally:
        ray.shutdown()


class RayCluster:
    """The machines of the Ray cluster that this process is connected to.

    Args:
        asked: as `ray_cluster` takes it.
        device: likewise.
    """

    def __init__(self, asked: Mapping[str, Any], device: str = "auto") -> None:
        self._places: Places | None = None
        self._asked, self._device = asked, kind_of_device(device, gpus=asked.get("num_gpus", 0) > 0)
        self.cpus = max(1, int(asked["num_cpus"])) if "num_cpus" in asked else None

    def launcher(
        self, grid: Grid, context: RunContext, listen: Listener, stop: Stop
    ) -> RayLauncher:
        """Return what runs a grid's cells on these machines.

        Raises:
            InputError: none of them has room for a cell.
        """
        errand = Errand.of(grid, context, self._device)
        if self._places is None:
            self._places = Places(
                cpus=self._asked.get("num_cpus", errand.threads),
                gpus=self._asked.get("num_gpus", 0),
                memory_gib=self._asked.get("memory_gib", 0),
            )
        if self._places.count() == 0:
            raise InputError(
                f"--launcher ray: no machine of the cluster has {self._places} for a cell; ask for "
                "less: --threads 1, --cluster num_cpus=1"
            )
        return RayLauncher(errand, context, self._places, listen, stop)


class Places:
    """Where there is room for a cell: each place is a process on some machine of the cluster.

    Args:
        cpus, gpus, memory_gib: what a cell takes.
    """

    def __init__(self, cpus: float, gpus: float, memory_gib: float) -> None:
        self.shares_gpu = 0 < gpus < 1
        self._taken = {"CPU": cpus, "GPU": gpus, "memory": memory_gib * 2**30}
        self._text = f"{cpus:g} CPUs, {gpus:g} GPUs and {memory_gib:g} GiB of memory"
        self._free: list[Any] = []
        self._counted, self._counted_at = 0, float("-inf")

    def __str__(self) -> str:
        return self._text

    def count(self) -> int:
        """Return how many cells the machines that are there now have room for."""
        if time.monotonic() - self._counted_at > CENSUS_S:
            needed = {name: amount for name, amount in self._taken.items() if amount > 0}
            nodes = ray.nodes()  # type: ignore[no-untyped-call]
            there = [node["Resources"] for node in nodes if node["Alive"]]
            shares = ([has.get(name, 0) / needed[name] for name in needed] for has in there)
            self._counted = sum(int(min(share, default=1)) for share in shares)
            self._counted_at = time.monotonic()
        return self._counted

    def take(self) -> Any:
        """Return a place: one that has been given back, or a new one when there is room for it."""
        if self._free:
            return self._free.pop()
        options = {"num_cpus": self._taken["CPU"], "num_gpus": self._taken["GPU"]}
        memory = int(self._taken["memory"]) or None
        # Beside its work it can be asked to stop.
        return ray.remote(Worker).options(**options, memory=memory, max_concurrency=2).remote()

    def give_back(self, place: Any) -> None:
        """Keep a place, whose process has loaded all that cells need, for the next cell."""
        self._free.append(place)

    def let_go(self) -> None:
        """End the places that have been given back: what they hold, another one may wait for."""
        while self._free:
            ray.kill(self._free.pop())


class RayLauncher:
    """Runs cells on the machines of a Ray cluster.

    Args:
        errand: what each machine has to know.
        context: of this process.
        places: for cells.
        listen: told what cells tell.
        stop: ends all when it is asked.
    """

    def __init__(
        self, errand: Errand, context: RunContext, places: Places, listen: Listener, stop: Stop
    ) -> None:
        self.device, self.shares_device = errand.device, places.shares_gpu
        self._errand, self._inventory = errand, context.inventory
        self._places, self._listen, self._stop = places, listen, stop
        self._home = ray.get_runtime_context().get_node_id()

    def __call__(
        self, jobs: Iterable[Job], count: int
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Run the jobs, as many at a time as there are places for, and at most ``count``.

        Raises:
            InputError: a machine has not what the grid names, or another version of it.
        """
        running: dict[Any, tuple[Job, Any]] = {}
        try:
            for job, answer in self._run(iter(jobs), count, running):
                if isinstance(answer, InputError):
                    raise answer
                yield job, answer
        finally:
            for _, place in running.values():
                ray.kill(place)

    def _run(
        self, left: Iterator[Job], count: int, running: dict[Any, tuple[Job, Any]]
    ) -> Iterator[tuple[Job, Answer]]:
        give_up_at = float("inf")
        while True:
            if self._stop.asked and give_up_at == float("inf"):
                left, give_up_at = iter(()), time.monotonic() + STOP_S
                for _, place in running.values():
                    place.stop.remote()
            self._hand_out(left, count, running)
            if not running:
                return
            self._places.let_go()
            for stream in ray.wait(list(running), timeout=LOOK_S)[0]:
                message = _next(stream)
                if isinstance(message, Answer):
                    yield self._end(*running.pop(stream), message)
                else:
                    self._listen(message)
            if time.monotonic() > give_up_at:
                while running:
                    yield self._end(*running.popitem()[1], Stopped())

    def _hand_out(
        self, left: Iterator[Job], count: int, running: dict[Any, tuple[Job, Any]]
    ) -> None:
        """Begin cells where there is room; where no machine is left, one waits for another one."""
        while len(running) < min(count, max(1, self._places.count())):
            if (job := next(left, None)) is None:
                return
            place = self._places.take()
            running[self._begin(job, place)] = job, place

    def _end(self, job: Job, place: Any, answer: Answer) -> tuple[Job, Answer]:
        """Keep a place where a cell has run as it should, and end any other."""
        died_alone = isinstance(answer, Died) and answer.kind is not FailureKind.KILLED
        if died_alone or isinstance(answer, CellResult):
            self._places.give_back(place)
        else:
            ray.kill(place)
        return job, answer

    def _begin(self, job: Job, place: Any) -> Any:
        """Have a cell run at a place; return the stream of what comes from it."""
        expected = self._inventory.of(job.cell)
        work = place.work.options(num_returns="streaming")
        return work.remote(self._errand, job, expected, self._home)


def _next(stream: Any) -> Event | Answer:
    """The next thing that comes from a place, where one is there or the place is no more."""
    try:
        message: Event | Answer = ray.get(next(stream))
    except StopIteration:
        return Died("its process ended without an answer", kind=FailureKind.KILLED)
    except RayError as error:
        text = str(error)[-OUTPUT_BYTES:]
        if isinstance(error, RayTaskError):
            return Died("its machine cannot run it", text)
        return Died("its process, or the machine it ran on, was lost", text, FailureKind.KILLED)
    return message
