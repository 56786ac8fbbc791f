"""How far a run is: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bench.settings.grid import Cell
from bench.study.record import Record


class PlainProgress:
    """A line when something is finished: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._place = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return

    def _line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, markup=False, highlight=False)

    def on_decoded(self, done: int, total: int) -> None:
        """Say when decoding is over."""
        if done == total:
            self._line(f"decoded {total} images")

    def on_remark(self, text: str) -> None:
        """Say it."""
        self._line(text)

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """Note which cell runs."""
        self._place = f"[{number}/{total}] {cell.label}"

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """Single steps are no line's worth."""

    def on_record(self, record: Record) -> None:
        """Say how a cell ended."""
        self._line(f"{self._place}: {outcome(record)}")


class LiveProgress(PlainProgress):
    """Two bars below the finished cells' lines: the grid with its ETA, and the running cell."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._grid = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
        )
        self._cell = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._cells = self._grid.add_task("grid", visible=False)
        self._steps = self._cell.add_task("", visible=False, figures="")
        self._live = Live(Group(self._grid, self._cell), console=console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def on_decoded(self, done: int, total: int) -> None:
        """Move the lower bar."""
        self._cell.update(
            self._steps,
            description="decoding",
            completed=done,
            total=total,
            visible=done < total,
        )

    def on_cell(self, cell: Cell, number: int, total: int) -> None:
        """Move the upper bar and start the lower one anew."""
        super().on_cell(cell, number, total)
        self._grid.update(self._cells, completed=number - 1, total=total, visible=True)
        self._cell.update(
            self._steps,
            description=cell.label,
            completed=0,
            total=None,
            visible=True,
            figures="",
        )

    def on_step(self, step: int, total: int, loss: float, images_per_s: float) -> None:
        """Move the lower bar."""
        figures = f"loss {loss:.4f}  {images_per_s:.0f} images/s"
        self._cell.update(self._steps, completed=step, total=total, figures=figures)

    def on_record(self, record: Record) -> None:
        """Print the finished cell above the bars."""
        super().on_record(record)
        self._grid.advance(self._cells)


@contextmanager
def track(description: str) -> Iterator[Callable[[int, int], None]]:
    """A single bar on a terminal, nothing elsewhere; moved by calling with (done, total)."""
    console = Console()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def create_progress(console: Console) -> PlainProgress:
    """The display that suits where the output goes."""
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)


def outcome(record: Record) -> str:
    """How a cell ended, in a few words."""
    if record.summary is None:
        return f"FAILED: {record.failure}"
    figures = [
        f"{label} {record.summary[name]:.4f}"
        for name, label in (("iou", "IoU"), ("rmse", "RMSE"))
        if name in record.summary
    ]
    seconds = (record.finished_utc - record.started_utc).total_seconds()
    return f"{'  '.join(figures)}  in {seconds:.0f} s"
