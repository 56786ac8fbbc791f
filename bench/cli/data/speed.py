"""`bench data speed`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.cli.data.options import Backgrounds, Exclude, Grid, LayoutName, open_asked
from bench.cli.options import Device


def speed(
    archives: Annotated[
        list[Path] | None, typer.Argument(help="Zips, or folders, of one dataset.")
    ] = None,
    layout: LayoutName = None,
    backgrounds: Backgrounds = None,
    exclude: Exclude = None,
    grid: Grid = None,
    size: Annotated[int, typer.Option(min=32, help="Height and width in pixels.")] = 64,
    samples: Annotated[int, typer.Option(min=1, help="Read at most so many of them.")] = 512,
    architecture: Annotated[
        str, typer.Option(help="The network whose training they are for.")
    ] = "unet",
    device: Device = "auto",
) -> None:
    """Time how fast samples are read, beside what a training step can eat."""
    from bench.machine.device import choose
    from bench.throughput.reading import measure

    first = open_asked(
        archives or [], layout=layout, backgrounds=backgrounds, exclude=exclude, grid=grid
    )[0]
    found = measure(
        first, (size, size), samples=samples, architecture=architecture, device=choose(device)
    )
    table = Table(title=f"{min(samples, len(first.samples))} samples to {size}x{size} px")
    for heading, justify in (("", "left"), ("samples/s", "right"), ("ratio", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for row in found:
        table.add_row(row.name, f"{row.samples_per_s:.0f}", f"{row.ratio:.1f}")
    Console().print(table)
