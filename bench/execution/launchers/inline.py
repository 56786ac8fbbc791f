"""Cells in this process, one after the other: for a debugger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.events import Listener
from bench.execution.cell import CellResult, Job, run_cell
from bench.execution.context import RunContext


@dataclass(frozen=True)
class Inline:
    """Runs cells where it is called; what one leaves behind reaches the next."""

    context: RunContext
    listen: Listener

    def __call__(self, jobs: Iterable[Job], count: int) -> Iterator[tuple[Job, CellResult]]:  # noqa: ARG002 - of all launchers
        """Run one job after the other."""
        for job in jobs:
            yield job, run_cell(job, self.context, self.listen)
