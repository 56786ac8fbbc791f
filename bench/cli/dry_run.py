"""`bench run --dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console

if TYPE_CHECKING:
    from bench.settings.grid import Grid
    from bench.study.study import Study


def show_dry_run(
    console: Console,
    grid: Grid,
    study: Study,
    *,
    device: str | None,
    per_device: int | None,
    threads: int | None,
    race: bool,
) -> None:
    """Print what the data is and what would run.

    Args:
        console: where the cells are printed.
        grid: the question.
        study: where the answers are kept.
        device: on which it would run; None where a cluster computes.
        per_device: how many cells at a time; None: as many as fit.
        threads: of the CPU, for each cell.
        race: whether it would be run as a race.

    Raises:
        InputError: the run would be refused.
    """
    from bench.events import Event, Remark
    from bench.execution.dry_run import dry_run
    from bench.execution.launchers import start_server
    from bench.machine.device import choose
    from bench.report.plan import print_plan
    from bench.text import printable

    def listen(event: Event) -> None:
        if isinstance(event, Remark):
            typer.echo(printable(event.text))

    server = start_server() if grid.train.freezes else None
    try:
        planned = dry_run(
            grid,
            study,
            device=None if device is None else choose(device),
            server=server,
            per_device=per_device,
            threads=threads,
            race=race,
            listen=listen,
        )
    finally:
        if server is not None:
            server.end()
    print_plan(console, grid, planned, study.folder)
