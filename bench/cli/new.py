"""`bench new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.templates import Kind, next_commands, write


def new(
    kind: Annotated[Kind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(help="Its name: letters, digits and underscores.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write.", show_default="NAME.py or NAME.yaml")
    ] = None,
) -> None:
    """Begin a network, a loss, a metric or a layout of your own: writes a file that works as it is.

    Nothing is overwritten. What to type next is printed.
    """
    file = write(kind, name, out)
    typer.echo(f"wrote {file}; next:")
    for command in next_commands(kind, name, file):
        typer.echo(f"  {command}")
