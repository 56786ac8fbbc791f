"""What every way to run cells is: jobs in, results out, in whatever order they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from bench.execution.cell import CellResult, Job
from bench.study.record import FailureKind


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

    def __call__(
        self, jobs: Iterable[Job], count: int
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Run each job and give it with its result when it has ended.

        Args:
            jobs: each is asked for when there is room for it, and not before.
            count: how many may run at a time.
        """
