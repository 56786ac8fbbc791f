"""A run as lines of text, each with the time of day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from bench.events import (
    CellFinished,
    CellStarted,
    Decoded,
    EpochDone,
    Event,
    Remark,
    TimingDone,
    TimingProgress,
)
from bench.execution.trackers.remarks import GroupedRemarks
from bench.study.record import Record
from bench.text import printable, shortened

LABEL_LENGTH = 120  # characters of a name that a line shows
TEXT_LENGTH = 400  # characters of a remark or a failure that a line shows

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Lines:
    """A line, with the time of day, for each remark and for whatever is finished.

    Args:
        console: where they are printed.
        now: the clock.
    """

    def __init__(self, console: Console, now: Clock = utc_now) -> None:
        self._console = console
        self._now = now
        self._day: date | None = None
        self._remarks = GroupedRemarks()
        self._places: dict[str, str] = {}  # of the running cells, by their ids

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for about, text in self._remarks.counts():
            self._print(f"{_label(about)}: {_text(text)}")

    def __call__(self, event: Event) -> None:
        """Say what an event tells, if it is worth a line."""
        match event:
            case Remark() if self._remarks.is_new(event):
                about = f"{_label(event.about)}: " if event.about else ""
                self._print(f"{about}{_text(event.text)}")
            case Decoded() if event.done == event.total:
                self._print(f"decoded {event.total} images")
            case CellStarted():
                place = f"[{event.number}/{event.total}] {_label(event.cell.label)}"
                self._places[event.cell.id] = place
            case CellFinished():
                self._print_outcome(event.record)
            case TimingDone() if event.measurement.is_complete:
                measured = event.measurement
                label, found = _label(measured.case.label), _text(measured.outcome)
                style = "" if measured.failure is None else "bold red"
                self._print(f"throughput of {label}: ", found, style)

    def _print_outcome(self, record: Record) -> None:
        """Say how a cell ended."""
        place = self._places.pop(record.cell.id, _label(record.cell.label))
        if record.failure is not None:
            self._print(f"{place}: ", f"FAILED: {_text(record.failure)}", "bold red")
            return
        seconds = (record.finished_utc - record.started_utc).total_seconds()
        summary = record.summary or {}
        shown = _figures({name: summary[name] for name in _SHORT if name in summary})
        if record.val_score is not None:
            shown = f"{record.cell.found_label}: val score {record.val_score:.4f}"
        self._print(f"{place}: {shown}  in {seconds:.0f} s")

    def _print(self, text: str, outcome: str = "", style: str = "") -> None:
        now = self._now().astimezone()
        if now.date() != self._day:
            self._day = now.date()
            self._console.print(Text(f"{now:%Y-%m-%d}", style="dim"))
        line = Text.assemble((f"{now:%H:%M:%S}  ", "dim"), text, (outcome, style))
        self._console.print(line, soft_wrap=True)


class PlainProgress(Lines):
    """For logs and pipes: a line for each epoch too, and for each tenth of the timing."""

    def __init__(self, console: Console, now: Clock = utc_now) -> None:
        super().__init__(console, now)
        self._tenths = -1  # of the timing that were told

    def __call__(self, event: Event) -> None:
        """Say what an event tells, if it is worth a line."""
        super().__call__(event)
        match event:
            case EpochDone() if event.cell_id in self._places:
                self._print(f"{self._places[event.cell_id]}: {_epoch(event)}")
            case TimingProgress() if (tenths := 10 * event.done // event.total) > self._tenths:
                self._tenths = tenths
                self._print(f"throughput: {event.done} of {event.total} visits")


_SHORT = {"iou": "IoU", "rmse": "RMSE"}  # the figures that every grid selects by


def _epoch(event: EpochDone) -> str:
    """An epoch's losses and figures in a few words."""
    losses = "  ".join(f"{task} {loss:.4g}" for task, loss in event.epoch.losses.items())
    whose = "teacher, " if event.teacher else ""
    val = f"  val {_figures(event.epoch.val)}" if event.epoch.val else ""
    return f"{whose}epoch {event.number}/{event.total}: loss {losses}{val}"


def _figures(summary: Mapping[str, float]) -> str:
    return "  ".join(f"{_SHORT.get(name, name)} {value:.4f}" for name, value in summary.items())


def _label(text: str) -> str:
    return shortened(printable(text), LABEL_LENGTH)


def _text(text: str) -> str:
    return shortened(printable(text), TEXT_LENGTH)
