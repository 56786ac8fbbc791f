"""`bench data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import InputError


def check(
    archives: Annotated[list[Path], typer.Argument(help="The zips or folders of one dataset.")],
    layout: Annotated[
        str | None, typer.Option(help="How the entries are named; by default it is found out.")
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="A zip or folder of backgrounds that lie beside.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Write the samples to leave out to this CSV file.")
    ] = None,
) -> None:
    """Examine archives: what is in them, and what is wrong. Exit code 1 if training cannot go on.

    Nothing in the archives is changed. A grid leaves out what stands in the CSV file with
    `data: {exclude: FILE}`.
    """
    if quarantine is not None and quarantine.exists():
        raise InputError(f"{quarantine} exists already")
    if quarantine is not None and not quarantine.absolute().parent.is_dir():
        raise InputError(f"{quarantine}: there is no folder {quarantine.parent}")
    from bench.archives.check import Severity, inspect, print_inspection, write_quarantine
    from bench.execution.trackers.terminal import track
    from bench.settings import Source

    source = Source(
        files=tuple(map(str, archives)),
        layout=layout,
        backgrounds=None if backgrounds is None else str(backgrounds),
    )
    with track("reading") as on_progress:
        inspection = inspect(source, on_progress=on_progress)
    print_inspection(Console(), inspection, layout_given=layout is not None)
    if quarantine is not None:
        count = write_quarantine(quarantine, inspection)
        typer.echo(f"{count} samples to leave out, written to {quarantine}")
    if any(finding.severity is Severity.ERROR for finding in inspection.findings):
        raise typer.Exit(1)
