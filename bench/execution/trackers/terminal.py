"""How far a run is: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from bench.execution.trackers.live import LiveProgress
from bench.execution.trackers.plain import PlainProgress


@contextmanager
def track(description: str) -> Iterator[Callable[[int, int], None]]:
    """A single bar on a terminal, nothing elsewhere; moved by calling with (done, total)."""
    console = Console()
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def create_progress(console: Console) -> LiveProgress | PlainProgress:
    """Return the listener that suits where the output goes; its context is the run."""
    return LiveProgress(console) if console.is_terminal else PlainProgress(console)
