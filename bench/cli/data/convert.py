"""`bench data convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.data.options import Archives, Backgrounds, Exclude, Grid, LayoutName, open_asked
from bench.cli.run import INTERRUPTED


def convert(
    *,
    archives: Archives = None,
    out: Annotated[
        Path, typer.Argument(help="What to write: a zip if the name ends in .zip, else a folder.")
    ],
    layout: LayoutName = None,
    backgrounds: Backgrounds = None,
    exclude: Exclude = None,
    grid: Grid = None,
) -> None:
    """Write a dataset of any layout in the canonical one; images are copied as they are.

    Ctrl-C loses nothing: the same command goes on from there.
    """
    from bench.archives import convert as conversion
    from bench.execution.trackers.terminal import track

    layouts = open_asked(
        archives or [], layout=layout, backgrounds=backgrounds, exclude=exclude, grid=grid
    )
    try:
        with track("writing") as on_progress:
            made = conversion.convert(out, layouts, on_progress)
    except KeyboardInterrupt:
        typer.echo("stopped; the same command goes on from here", err=True)
        raise typer.Exit(INTERRUPTED) from None
    if made.left_out:
        count, first = len(made.left_out), made.left_out[0]
        typer.echo(f"left out: {count} files that no sample names, such as {first}", err=True)
    earlier = f", {made.already_written} already written" if made.already_written else ""
    typer.echo(
        f"{out}: {made.samples} samples; {made.copied} files copied, {made.rewritten} images "
        f"re-encoded{earlier}"
    )
