"""`bench report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    strata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Also write the scores by object_size, depth, or a column of the archive, such as "
            "mirrored, to by-COLUMN.md.",
        ),
    ] = None,
) -> None:
    """Print a study's leaderboard and write it to leaderboard.md in its folder."""
    from bench.files import write_atomically
    from bench.report import markdown, terminal
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study

    results = Study(study).load()
    boards = leaderboards(results)
    name = study.resolve().name
    if not boards:
        terminal.print_leaderboard(Console(), name, boards, results.damaged)
        typer.echo(f"{study}: nothing written: no grid of the study can be read", err=True)
        raise typer.Exit(1)
    pages = {"leaderboard.md": markdown.render(name, boards, results.damaged)}
    for column in strata or []:
        pages[f"by-{column}.md"] = markdown.render_strata(name, boards, column)
    terminal.print_leaderboard(Console(), name, boards, results.damaged)
    for page, content in pages.items():
        try:
            write_atomically(study / page, content.encode())
        except OSError as error:
            typer.echo(f"{study / page}: not written: {error.strerror}", err=True)
        else:
            typer.echo(f"written to {study / page}")
