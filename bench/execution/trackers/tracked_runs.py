"""Which runs, curves and remarks do trackers make of a grid's events?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import JsonValue

from bench.events import CellFinished, CellStarted, EpochDone, Event, Remark, StepDone, TimingDone
from bench.execution.trackers.contract import Outcome, Parameter, Run, Tracker
from bench.settings.cell import Cell
from bench.study.measurement import Measurement
from bench.study.record import Record
from bench.study.timing_case import LATENCY

POINTS = 200  # of a curve over the steps of a training


@dataclass
class _AtWork:
    """A cell that runs.

    Attributes:
        steps: the last one of the network, and of its teacher if there is one.
        due: from which step on the next point is told, of both.
    """

    run: Run
    steps: dict[bool, int] = field(default_factory=dict)
    due: dict[bool, int] = field(default_factory=dict)

    def step(self, event: StepDone) -> bool:
        """Note a step, and return whether it is a point of the curve."""
        self.steps[event.teacher] = event.step
        if event.step < self.due.get(event.teacher, 0) and event.step < event.total:
            return False
        self.due[event.teacher] = event.step + max(1, event.total // POINTS)
        return True


class TrackedRuns:
    """A listener that tells trackers of each cell as a run.

    A cell's run has its settings as parameters, the curves of its training over the updates of the
    weights, what is said of it, and its figures on the test images or why there are none. A
    network's timing is a run. Whatever else is said belongs to the run named ``bench run``.

    Args:
        trackers: all are told the same.
        device: on which cells are run.
    """

    def __init__(self, trackers: Sequence[Tracker], device: str) -> None:
        self._trackers, self._device = trackers, device
        self._at_work: dict[str, _AtWork] = {}
        self._whole: Run | None = None

    def __call__(self, event: Event) -> None:
        """Tell what an event means for a run."""
        match event:
            case CellStarted():
                self._begin(event.cell)
            case StepDone() if event.cell_id in self._at_work:
                cell = self._at_work[event.cell_id]
                if cell.step(event):
                    figures = {"loss": event.loss, "images_per_s": event.images_per_s}
                    self._curve(cell, figures, event.teacher)
            case EpochDone() if event.cell_id in self._at_work:
                losses, val = event.epoch.losses, event.epoch.val
                figures = {
                    "epoch": event.number,
                    **{f"train/{task}": loss for task, loss in losses.items()},
                    **{f"val/{name}": value for name, value in val.items()},
                }
                self._curve(self._at_work[event.cell_id], figures, event.teacher)
            case CellFinished():
                self._end(event.record)
            case Remark():
                self._remark(event)
            case TimingDone() if event.measurement.is_complete:
                self._time(event.measurement)

    def _begin(self, cell: Cell) -> Run:
        known = {"id": cell.id, "label": cell.label, "device": self._device}
        settings = dict(_flat(cell.model_dump(mode="json", exclude_none=True)))
        run = Run(cell.id, cell.label, known | settings)
        self._at_work[cell.id] = _AtWork(run)
        for tracker in self._trackers:
            tracker.begin(run)
        return run

    def _curve(self, cell: _AtWork, figures: Mapping[str, float], teacher: bool) -> None:  # noqa: FBT001 - as events have it
        if teacher:
            figures = {f"teacher/{name}": value for name, value in figures.items()}
        for tracker in self._trackers:
            tracker.curve(cell.run, figures, cell.steps.get(teacher, 0))

    def _end(self, record: Record) -> None:
        cell = self._at_work.pop(record.cell.id, None)
        run = self._begin(record.cell) if cell is None else cell.run
        self._at_work.pop(run.id, None)
        figures = {f"test/{name}": value for name, value in (record.summary or {}).items()}
        if record.val_score is not None:
            figures["val_score"] = record.val_score
        kind = None if record.failure is None else record.failure_kind.value
        for tracker in self._trackers:
            tracker.end(run, Outcome(figures, record.failure, kind))

    def _remark(self, remark: Remark) -> None:
        about = [one.run for one in self._at_work.values() if one.run.label == remark.about]
        if about:
            run, text = about[0], remark.text
        else:
            run, text = self._whole_run(), ": ".join(filter(None, (remark.about, remark.text)))
        for tracker in self._trackers:
            tracker.remark(run, text)

    def _whole_run(self) -> Run:
        """Of this `bench run`; it is begun when something is said that is about no cell at work."""
        if self._whole is None:
            now = datetime.now(UTC)
            self._whole = Run(f"run-{now:%Y%m%d-%H%M%S}-{os.getpid()}", "bench run")
            for tracker in self._trackers:
                tracker.begin(self._whole)
        return self._whole

    def _time(self, measured: Measurement) -> None:
        case = measured.case
        label = f"throughput of {case.label}"
        known = {"id": measured.id, "label": label, "device": measured.environment.machine}
        settings = dict(_flat(case.model_dump(mode="json", exclude_none=True)))
        run = Run(measured.id, label, known | settings)
        for tracker in self._trackers:
            tracker.begin(run)
            for problem in measured.problems:
                tracker.remark(run, problem)
            kind = None if measured.failure is None else "failed"
            tracker.end(run, Outcome(dict(_speeds(measured)), measured.failure, kind))


def _speeds(measured: Measurement) -> Iterator[tuple[str, float]]:
    """The figures of a timing: images per second, and the latency in seconds."""
    for figure in measured.timings:
        name = f"throughput/{measured.case.name_of(figure)}"
        if figure == LATENCY:
            if (seconds := measured.seconds(figure)) is not None:
                yield f"{name}_s", seconds.value
        elif (speed := measured.images_per_s(figure)) is not None:
            yield f"{name}_images_per_s", speed.value


def _flat(content: JsonValue, name: str = "") -> Iterator[tuple[str, Parameter]]:
    """Give each setting after its place, as ``train.stages.0.epochs``; plain lists are one."""
    inner: dict[str, JsonValue] = {}
    match content:
        case dict():
            inner = {key: value for key, value in content.items() if value != {}}
        case list() if any(isinstance(one, dict | list) for one in content):
            inner = {str(number): one for number, one in enumerate(content)}
        case str() | int() | float():
            yield name, content
        case _:
            yield name, json.dumps(content, ensure_ascii=False)
    for key, value in inner.items():
        yield from _flat(value, f"{name}.{key}" if name else key)
