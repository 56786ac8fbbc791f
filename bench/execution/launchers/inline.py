"""Cells in this process, one after the other: for a debugger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.events import Listener
from bench.execution.cell import CellResult, Job, run_cell
from bench.execution.context import RunContext
from bench.execution.launchers.contract import Died, Stopped
from bench.machine.rank_processes import RankDiedError
from bench.machine.stop import Stop
from bench.training.checkpoint import Interrupted


@dataclass(frozen=True)
class Inline:
    """Runs cells where it is called; what one leaves behind reaches the next."""

    context: RunContext
    listen: Listener
    stop: Stop
    shares_device = False

    @property
    def device(self) -> str:
        """Of this process."""
        return self.context.device.type

    def __call__(
        self,
        jobs: Iterable[Job],
        count: int,  # noqa: ARG002 - of all launchers
    ) -> Iterator[tuple[Job, CellResult | Died | Stopped]]:
        """Run one job after the other."""
        left = iter(jobs)
        while not self.stop.asked and (job := next(left, None)) is not None:
            try:
                yield job, run_cell(job, self.context, self.listen, lambda: self.stop.asked)
            except Interrupted:
                yield job, Stopped()
            except RankDiedError as error:
                yield job, Died(error.why, kind=error.kind)
