"""A run as bars on a terminal: the grid, every running cell, decoding, timing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from bench.events import (
    CellFinished,
    CellStarted,
    Decoded,
    Event,
    StepDone,
    TimingDone,
    TimingProgress,
)
from bench.execution.trackers.plain import Clock, Lines, utc_now
from bench.execution.trackers.remaining import RemainingTime
from bench.text import printable, shortened

BAR_WIDTH = 20


class LiveProgress(Lines):
    """Bars below the lines of what is finished: the grid with its ETA, and what is at work."""

    def __init__(self, console: Console, now: Clock = utc_now) -> None:
        super().__init__(console, now)
        self._grid = _bars(console, [TimeElapsedColumn(table_column=_fixed()), _column("eta")])
        self._work = _bars(console, [_column("figures")])
        self._cells = self._grid.add_task("grid", visible=False, eta="")
        self._remaining = RemainingTime()
        self._tasks: dict[str, TaskID] = {}  # of what is at work, by its name or id
        self._live = Live(Group(self._grid, self._work), console=console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        for name in list(self._tasks):
            self._end(name)
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Move the bars, and print what is worth a line above them."""
        super().__call__(event)
        self._remaining.listen(event, self._now())
        match event:
            case Decoded() if event.done < event.total:
                self._move("decoding", event.done, event.total)
            case Decoded():
                self._end("decoding")
            case CellStarted():
                self._end(event.cell.id)
                self._move(event.cell.id, 0, None, label=event.cell.label)
                done = event.total - event.left - len(self._tasks) + 1
                self._grid.update(self._cells, total=event.total, completed=done, visible=True)
            case StepDone() if event.cell_id in self._tasks:
                whose = "teacher " if event.teacher else ""
                figures = f"{whose}loss {event.loss:.4g}  {event.images_per_s:.0f} images/s"
                self._move(event.cell_id, event.step, event.total, figures=figures)
                self._show_eta()
            case CellFinished():
                self._end(event.record.cell.id)
                self._grid.advance(self._cells)
                self._show_eta()
            case TimingProgress():
                label = f"timing {event.label}"
                self._move("timing", event.done, event.total, label=label)
            case TimingDone() if event.measurement.is_complete:
                self._end("timing")

    def _move(
        self, name: str, done: int, total: int | None, *, label: str = "", figures: str = ""
    ) -> None:
        """Put a bar where it belongs; the first time it appears."""
        if name not in self._tasks:
            self._tasks[name] = self._work.add_task(label or name, total=None, figures="")
        task = self._tasks[name]
        self._work.update(task, completed=done, total=total, figures=figures)
        if label:
            self._work.update(task, description=label)

    def _end(self, name: str) -> None:
        """Take a bar away, if there is one."""
        task = self._tasks.pop(name, None)
        if task is not None:
            self._work.remove_task(task)

    def _show_eta(self) -> None:
        seconds = self._remaining.seconds(self._now())
        eta = f"ETA {timedelta(seconds=round(seconds))}" if seconds else ""
        self._grid.update(self._cells, eta=eta)


class _Label:
    """A text that gives way: it is as wide as it may be, with an ellipsis in its middle."""

    def __init__(self, text: str) -> None:
        self.text = printable(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        length = options.max_width
        while length > 1 and cell_len(shortened(self.text, length)) > options.max_width:
            length -= 1  # some letters are two columns wide
        yield Text(shortened(self.text, length), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, cell_len(self.text))


class _LabelColumn(ProgressColumn):
    """A task's description, which alone is shortened where the line is too long."""

    def render(self, task: Task) -> _Label:
        """Return the description as text, whatever markup it looks like."""
        return _Label(task.description)


def _bars(console: Console, columns: Sequence[ProgressColumn]) -> Progress:
    """Return bars with a label and a count, and more columns to their right."""
    bar = BarColumn(BAR_WIDTH, table_column=_fixed())
    count = MofNCompleteColumn(table_column=_fixed())
    return Progress(_LabelColumn(), bar, count, *columns, console=console)


def _column(field: str) -> TextColumn:
    return TextColumn(f"{{task.fields[{field}]}}", markup=False, table_column=_fixed())


def _fixed() -> Column:
    """A column that keeps its width where the label can give way."""
    return Column(no_wrap=True)
