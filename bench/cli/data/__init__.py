"""`bench data`: one file a command."""

from __future__ import annotations

import typer

from bench.cli.data.check import check
from bench.cli.data.convert import convert
from bench.cli.data.make import make
from bench.cli.data.speed import speed
from bench.cli.data.split import split
from bench.cli.data.stats import stats

app = typer.Typer(
    help="Make, check, measure, split and convert dataset archives.", no_args_is_help=True
)
app.command()(make)
app.command()(check)
app.command()(split)
app.command()(stats)
app.command()(convert)
app.command()(speed)
