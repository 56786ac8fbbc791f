"""How long will the rest of a grid take?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from statistics import fmean

from bench.events import CellFinished, CellStarted, Event, StepDone


@dataclass
class _Running:
    """A cell that trains.

    Attributes:
        started: when; and ends: when it will be over, None until its steps tell.
        first: a step and when it was done, from which the pace is taken.
    """

    started: datetime
    first: tuple[int, datetime] | None = None
    ends: datetime | None = None

    def step(self, event: StepDone, now: datetime) -> None:
        """Learn from a step of the network; those of its teacher are other steps."""
        if event.teacher:
            return
        if self.first is None:  # loading and compiling lie before it
            self.first = (event.step, now)
        elif event.step > self.first[0]:
            pace = (now - self.first[1]) / (event.step - self.first[0])
            self.ends = now + pace * (event.total - event.step)


class RemainingTime:
    """The time that is left, told from the trained cells; trivial baselines take none to speak of.

    A cell that has not started is expected to take as long as the others do in the mean.
    """

    def __init__(self) -> None:
        self._durations_s: list[float] = []
        self._running: dict[str, _Running] = {}
        self._waiting = 0
        self._side_by_side = 1

    def listen(self, event: Event, now: datetime) -> None:
        """Learn from an event that came at a time."""
        match event:
            case CellStarted():
                self._waiting = event.left - 1
                if event.cell.loss is not None:
                    self._running[event.cell.id] = _Running(now)
                    self._side_by_side = max(self._side_by_side, len(self._running))
            case StepDone() if event.cell_id in self._running:
                self._running[event.cell_id].step(event, now)
            case CellFinished():
                run = self._running.pop(event.record.cell.id, None)
                if run is not None and event.record.failure is None:
                    self._durations_s.append((now - run.started).total_seconds())

    def seconds(self, now: datetime) -> float | None:
        """Return how long the rest of the grid takes; None as long as nothing tells."""
        running = self._running.values()
        expected_s = [(run.ends - run.started).total_seconds() for run in running if run.ends]
        known_s = self._durations_s + expected_s
        if not known_s:
            return None
        mean_s = fmean(known_s)
        left_s = []
        for run in running:
            elapsed_s = (now - run.started).total_seconds()
            whole_s = (run.ends - run.started).total_seconds() if run.ends else mean_s
            left_s.append(max(whole_s - elapsed_s, 0.0))
        work_s = sum(left_s) + self._waiting * mean_s
        return max(work_s / self._side_by_side, *left_s, 0.0)
