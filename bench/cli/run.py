"""`bench run`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import InputError

# Exit codes besides 0, and 2 for a mistake in the input.
FAILED_CELLS = 3
INTERRUPTED = 130  # as shells have it for a program ended by Ctrl-C


class Launcher(StrEnum):
    """Where cells run."""

    PROCESSES = "processes"
    INLINE = "inline"


def run(
    grid: Annotated[Path, typer.Option(help="The grid's YAML file.")],
    out: Annotated[
        Path | None, typer.Option(help="The study's folder.", show_default="results/<grid name>")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would run.")] = False,
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
        typer.Option(help="processes: one for each cell; inline: all in this one, for a debugger."),
    ] = Launcher.PROCESSES,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Run failed cells, and withheld timings, once more."),
    ] = False,
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
) -> None:
    """Run the cells of a grid that the study lacks, or whose data, weights or code have changed.

    Ends with exit code 3 if cells of the grid have failed.
    """
    from bench.execution.launchers import start_server
    from bench.settings.grid_file import load
    from bench.study.study import Study

    question = load(grid)
    name = grid.stem
    if limit is not None:
        if race:
            raise InputError("--race: figures by --limit decide nothing; leave one of them out")
        question = question.smoke_test(limit)
        name = f"{name}-limit-{limit}"
    study = Study(out or Path("results") / name)
    console = Console()
    if dry_run:
        from bench.execution.run import look_ahead
        from bench.report.terminal import print_plan

        print_plan(console, look_ahead(question, study, race=race), study.folder)
        return
    side_by_side = _parse_count(per_device)
    # Before this process loads torch, which both can do at the same time.
    server = start_server() if launcher is Launcher.PROCESSES else None
    try:
        from bench.execution.run import run
        from bench.execution.trackers.terminal import create_progress
        from bench.machine.device import choose

        with create_progress(console) as listen:
            run(
                question,
                study,
                device=choose(device),
                listen=listen,
                server=server,
                per_device=side_by_side,
                threads=threads,
                race=race,
                throughput=limit is None,
                retry_failed=retry_failed,
                keep_stale=keep_stale,
                check_cache=check_cache,
            )
    except KeyboardInterrupt:
        from bench.execution.run import has_to_run, look_ahead

        planned = look_ahead(question, study, race=race)
        left = sum(has_to_run(one, retry_failed=False, keep_stale=keep_stale) for one in planned)
        where = " before the next look" if race else ""
        typer.echo(
            f"stopped with {left} cells to go{where}; the same command goes on from here", err=True
        )
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


def _parse_count(text: str) -> int | None:
    """A number of cells, or None for ``auto``."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--per-device: give a number from 1, or auto, not {text!r}")
    return int(text)
