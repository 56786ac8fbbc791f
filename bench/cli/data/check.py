"""`bench data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.cli.data.options import (
    Archives,
    Backgrounds,
    Exclude,
    Grid,
    LayoutName,
    name_sources,
    require_writable,
)


def check(
    archives: Archives = None,
    layout: LayoutName = None,
    backgrounds: Backgrounds = None,
    exclude: Exclude = None,
    grid: Grid = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Write the samples to leave out to this CSV file.")
    ] = None,
) -> None:
    """Examine archives: what is in them, and what is wrong. Exit code 1 if training cannot go on.

    Nothing in the archives is changed. A grid leaves out what the CSV file lists with
    `data: {exclude: FILE}`.
    """
    require_writable(quarantine)
    from bench.archives.check import Severity, inspect, print_inspection, write_quarantine
    from bench.data.selection import open_selection, read_excluded
    from bench.execution.trackers.terminal import track

    sources, exclude = name_sources(
        archives or [], layout=layout, backgrounds=backgrounds, exclude=exclude, grid=grid
    )
    layouts = open_selection(sources, exclude, on_remark=lambda _: None)  # printed further down
    with track("reading") as on_progress:
        inspection = inspect(layouts, on_progress=on_progress)
    is_asked = any(source.layout is not None for source in sources)
    print_inspection(Console(), inspection, layout_given=is_asked)
    if quarantine is not None:
        left_out = [] if exclude is None else read_excluded(exclude)
        count = write_quarantine(quarantine, inspection, left_out)
        typer.echo(f"{count} samples to leave out, written to {quarantine}")
    if any(finding.severity is Severity.ERROR for finding in inspection.findings):
        raise typer.Exit(1)
