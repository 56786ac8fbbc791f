"""`bench data`: one file a command."""

from __future__ import annotations

import typer

from bench.cli.data.make import make

app = typer.Typer(help="Make dataset archives.", no_args_is_help=True)
app.command()(make)
