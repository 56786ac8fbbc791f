"""What every way to run cells is: jobs in, results out, in whatever order they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from bench.events import Listener
from bench.execution.cell import CellResult, Job
from bench.execution.context import RunContext
from bench.machine.stop import Stop
from bench.settings.grid import Grid
from bench.study.record import FailureKind

AT_ONCE = 1000  # cells that a cluster is given: the entries of an array that SLURM takes by default


class Died(NamedTuple):
    """In place of a result: the cell's process ended without one.

    Attributes:
        why: in words.
        output: the end of what it printed.
        kind: and of which kind that is.
    """

    why: str
    output: str = ""
    kind: FailureKind = FailureKind.ERROR


class Stopped(NamedTuple):
    """In place of a result: the cell has been asked to stop, and goes on from its checkpoint."""


class Launcher(Protocol):
    """Runs cells, until the run is asked to stop: then it begins none, and those at work stop."""

    @property
    def device(self) -> str:
        """The kind of device that cells compute on: cpu, cuda or mps."""

    @property
    def shares_device(self) -> bool:
        """Whether cells that run at one time share a device, so that one may harm another."""

    def __call__(
        self, jobs: Iterable[Job], count: int
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Run each job and give it with its result when it has ended.

        Args:
            jobs: each is asked for when there is room for it, and not before.
            count: how many may run at a time.
        """


class Cluster(Protocol):
    """Several machines that run cells.

    Attributes:
        cpus: that each cell has, if that was asked for.
    """

    cpus: int | None

    def launcher(self, grid: Grid, context: RunContext, listen: Listener, stop: Stop) -> Launcher:
        """Return what runs a grid's cells on these machines.

        Args:
            grid: of the cells.
            context: of this process, opened.
            listen: told what cells tell.
            stop: ends all when it is asked.
        """
