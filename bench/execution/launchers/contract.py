"""What every way to run cells is: jobs in, results out, in whatever order they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from bench.execution.cell import CellResult, Job


class Died(NamedTuple):
    """In place of a result: the cell's process ended without one.

    Attributes:
        why: in words.
        output: the end of what it printed.
        by_limit: whether it was ended because it used more than the grid's limits allow.
    """

    why: str
    output: str = ""
    by_limit: bool = False


class Launcher(Protocol):
    """Runs cells."""

    def __call__(self, jobs: Iterable[Job], count: int) -> Iterator[tuple[Job, CellResult | Died]]:
        """Run each job and give it with its result when it has ended.

        Args:
            jobs: each is asked for when there is room for it, and not before.
            count: how many may run at a time.
        """
