"""`bench report`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.errors import InputError


class Format(StrEnum):
    """What a report is written as."""

    MARKDOWN = "md"
    HTML = "html"
    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


def report(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    strata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Also write the scores by object_size, depth, or a column of the archive, such as "
            "mirrored, to by-COLUMN.md; html has them in the page.",
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="md: leaderboard.md; html: one page with charts; svg, png, pdf: the charts alone.",
        ),
    ] = Format.MARKDOWN,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page's file, or the folder of the charts.",
            show_default="report.html or figures/ in the study's folder",
        ),
    ] = None,
) -> None:
    """Print a study's leaderboard and write it to its folder: leaderboard.md, or a page."""
    from bench.files import write_atomically
    from bench.report import markdown, terminal
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study

    if out is not None and format_ is Format.MARKDOWN:
        raise InputError(
            "--out: is for html and charts; leaderboard.md stands in the study's folder"
        )
    results = Study(study).load()
    boards = leaderboards(results)
    name = study.resolve().name
    if not boards:
        terminal.print_leaderboard(Console(), name, boards, results.damaged)
        typer.echo(f"{study}: nothing written: no grid of the study can be read", err=True)
        raise typer.Exit(1)
    if format_ is Format.HTML:
        from bench.report.html import page

        written = page.render(name, boards, results.damaged, strata or [])
        pages = {out or study / "report.html": written.encode()}
    elif format_ is Format.MARKDOWN:
        text = markdown.render(name, boards, results.damaged)
        pages = {study / "leaderboard.md": text.encode()}
        for column in strata or []:
            text = markdown.render_strata(name, boards, column)
            pages[study / f"by-{column}.md"] = text.encode()
    else:
        from bench.report.figures import figures

        folder = out or study / "figures"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be made: {error.strerror}") from None
        pages = {
            folder / (f"board-{number}-{file}" if len(boards) > 1 else file): content
            for number, board in enumerate(boards, start=1)
            for file, content in figures(board, format_.value)
        }
    terminal.print_leaderboard(Console(), name, boards, results.damaged)
    for path, content in pages.items():
        try:
            write_atomically(path, content)
        except OSError as error:
            typer.echo(f"{path}: not written: {error.strerror}", err=True)
        else:
            typer.echo(f"written to {path}")
