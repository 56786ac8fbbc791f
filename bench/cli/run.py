"""`bench run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import InputError

INTERRUPTED = 130  # the exit code that shells give to a program ended by Ctrl-C


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
    per_device: Annotated[
        str,
        typer.Option(metavar="N|auto", help="How many cells to run side by side on one device."),
    ] = "1",
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed cells once more.")
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
    """Run the cells of a grid that the study lacks, or whose data, weights or code have changed."""
    from bench.execution.run import has_to_run, look_ahead
    from bench.settings.grid_file import load
    from bench.study.study import Study

    question = load(grid)
    name = grid.stem
    if limit is not None:
        question = question.smoke_test(limit)
        name = f"{name}-limit-{limit}"
    study = Study(out or Path("results") / name)
    console = Console()
    if dry_run:
        from bench.report.terminal import print_plan

        print_plan(console, look_ahead(question, study), study.folder)
        return
    from bench.execution.run import run
    from bench.execution.trackers.terminal import create_progress
    from bench.machine.device import choose

    chosen = choose(device)
    side_by_side = _parse_count(per_device)
    try:
        with create_progress(console) as progress:
            run(
                question,
                study,
                device=chosen,
                progress=progress,
                per_device=side_by_side,
                throughput=limit is None,
                retry_failed=retry_failed,
                keep_stale=keep_stale,
                check_cache=check_cache,
            )
    except KeyboardInterrupt:
        planned = look_ahead(question, study)
        left = sum(has_to_run(one, retry_failed=False, keep_stale=keep_stale) for one in planned)
        typer.echo(f"stopped with {left} cells to go; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    console.print(f"finished: see `bench report {study.folder}`", highlight=False, markup=False)


def _parse_count(text: str) -> int | None:
    """A number of cells, or None for ``auto``."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"--per-device: give a number from 1, or auto, not {text!r}")
    return int(text)
