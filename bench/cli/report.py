"""`bench report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
) -> None:
    """Print a study's leaderboard and write it to leaderboard.md in its folder."""
    from bench.files import write_atomically
    from bench.report import markdown, terminal
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study

    results = Study(study).load()
    boards = leaderboards(results)
    name = study.resolve().name
    terminal.print_leaderboard(Console(), name, boards, results.damaged)
    path = study / "leaderboard.md"
    if not boards:
        typer.echo(f"{path}: not written: no grid of the study can be read", err=True)
        raise typer.Exit(1)
    try:
        write_atomically(path, markdown.render(name, boards, results.damaged).encode())
    except OSError as error:
        typer.echo(f"{path}: not written: {error.strerror}", err=True)
    else:
        typer.echo(f"written to {path}")
