"""`bench data`: one file a command."""

from __future__ import annotations

import typer

from bench.cli.data.check import check
from bench.cli.data.make import make
from bench.cli.data.split import split

app = typer.Typer(help="Make, check and split dataset archives.", no_args_is_help=True)
app.command()(make)
app.command()(check)
app.command()(split)
