"""`bench run`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.cli.asked_grid import (
    GridFile,
    GridOption,
    Overrides,
    StudyFolder,
    Yes,
    read_asked,
    require_consent,
)
from bench.cli.dry_run import show_dry_run
from bench.cli.launchers import Launcher, open_cluster
from bench.cli.options import Device
from bench.errors import InputError
from bench.execution.trackers.tracking import TrackerName

if TYPE_CHECKING:
    from bench.settings.grid import Grid
    from bench.study.plan import PlannedCell
    from bench.study.record import FailureKind
    from bench.study.study import Study

# Exit codes besides 0, and 2 for a mistake in the input.
FAILED_CELLS = 3
INTERRUPTED = 130  # as shells have it for a program ended by Ctrl-C


class Retry(StrEnum):
    """Which failed cells to run once more."""

    FAILED = "failed"
    OUT_OF_MEMORY = "oom"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    ALL = "all"

    def kinds(self) -> list[FailureKind]:
        """Return the kinds of failures that this means."""
        from bench.study.record import FailureKind

        return list(FailureKind) if self is Retry.ALL else [FailureKind(self.value)]


def run(
    file: GridFile = None,
    overrides: Overrides = None,
    grid: GridOption = None,
    out: StudyFolder = None,
    device: Device = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only open the data, and show it and what would run."),
    ] = False,
    yes: Yes = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=3, help="Try the grid out: so many samples, one epoch of every stage, no timing."
        ),
    ] = None,
    race: Annotated[
        bool,
        typer.Option(
            "--race",
            help="No more seeds for rows that are surely not best by the first metric.",
        ),
    ] = False,
    per_device: Annotated[
        str,
        typer.Option(metavar="N|auto", help="How many cells to run side by side on one device."),
    ] = "1",
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="CPU threads that each cell computes with: one number for a study.",
            show_default="the study's, or all cores",
        ),
    ] = None,
    launcher: Annotated[
        Launcher,
        typer.Option(
            help="processes: one for each cell; inline: all in this one, for a debugger; slurm, "
            "ray: on the machines of a cluster."
        ),
    ] = Launcher.PROCESSES,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="What each cell asks of a cluster, as partition=gpu or num_gpus=0.5; repeatable.",
            show_default="none",
        ),
    ] = None,
    retry: Annotated[
        list[Retry] | None,
        typer.Option(
            help="Run cells once more that failed in this way, and timings that are withheld.",
            show_default="none",
        ),
    ] = None,
    keep_stale: Annotated[
        bool,
        typer.Option(
            "--keep-stale", help="Leave cells whose data, weights or code have changed as they are."
        ),
    ] = False,
    check_cache: Annotated[
        bool,
        typer.Option("--check-cache", help="Check the decoded images to the last byte first."),
    ] = False,
    track: Annotated[
        list[TrackerName] | None,
        typer.Option(
            help="Also write parameters, curves and scores for this tool; may be repeated.",
            show_default="none",
        ),
    ] = None,
) -> None:
    """Run the cells of a grid that the study lacks, or whose data, weights or code have changed.

    Ends with exit code 3 if cells of the grid have failed, with 2 if the input is at fault or the
    study cannot be written to, and with 130 after Ctrl-C or SIGTERM: the cells at work then keep
    what they have come to, and the same command goes on from there. A second Ctrl-C ends all at
    once.
    """
    from bench.execution.launchers import start_server
    from bench.execution.trackers.tracking import check_installed, tracking
    from bench.study.study import Study

    side_by_side = _parse_count(per_device)
    if limit is not None and race:
        raise InputError("--race: figures by --limit decide nothing; leave one of them out")
    launcher.check(cluster or [], per_device)
    check_installed(track or [])
    # Before this process loads torch, which both can do at the same time.
    server = start_server() if launcher is Launcher.PROCESSES and not dry_run else None
    try:
        question, name = read_asked(file, overrides, grid)
        if limit is not None:
            question, name = question.smoke_test(limit), f"{name}-limit-{limit}"
        study = Study(out or Path("results") / name)
        console = Console()
        if dry_run:
            show_dry_run(
                console,
                question,
                study,
                device=device if launcher.needs is None else None,
                per_device=side_by_side,
                threads=threads,
                race=race,
            )
            return
        require_consent(_count_missing(question, study), "cells are to be trained", yes=yes)
        if server is not None:
            server.preload(question)
        from bench.events import Listeners
        from bench.execution.run import look_ahead, run
        from bench.execution.trackers.terminal import create_progress
        from bench.machine.device import choose

        try:
            with (
                open_cluster(launcher, cluster or [], device) as machines,
                create_progress(console) as show,
                tracking(track or [], study.folder, device, show) as tracked,
            ):
                run(
                    question,
                    study,
                    device=choose(device if machines is None else "cpu"),
                    listen=Listeners(show, tracked),
                    server=server,
                    cluster=machines,
                    per_device=side_by_side,
                    threads=threads,
                    race=race,
                    throughput=limit is None,
                    retry=[kind for one in retry or [] for kind in one.kinds()],
                    keep_stale=keep_stale,
                    check_cache=check_cache,
                )
        except KeyboardInterrupt:
            _say_what_is_left(look_ahead(question, study, race=race), race, keep_stale)
            raise typer.Exit(INTERRUPTED) from None
    finally:
        if server is not None:
            server.end()
    results = study.load()
    found = [
        record
        for cell in results.cells(question)
        if (record := results.record_of(cell)) is not None
    ]
    failed = sum(record.failure is not None for record in found)
    state = f"finished, but {failed} of {len(found)} cells failed" if failed else "finished"
    console.print(f"{state}: see `bench report {study.folder}`", highlight=False, markup=False)
    if failed:
        raise typer.Exit(FAILED_CELLS)


def _count_missing(grid: Grid, study: Study) -> int:
    """How many networks are to be trained of which the study holds nothing."""
    results = study.load_or_empty()
    cells = [*grid.trials(), *results.cells(grid)]
    return sum(cell.loss is not None and results.record_of(cell) is None for cell in cells)


def _say_what_is_left(planned: list[PlannedCell], race: bool, keep_stale: bool) -> None:  # noqa: FBT001 - as they are asked for
    from bench.execution.run import has_to_run

    left = sum(has_to_run(one, keep_stale=keep_stale) for one in planned)
    where = " before the next look" if race else ""
    typer.echo(
        f"stopped with {left} cells to go{where}; the same command goes on from here", err=True
    )


def _parse_count(text: str) -> int | None:
    """A number of cells, or None for ``auto``."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--per-device: give a number from 1, or auto, not {text!r}")
    return int(text)
