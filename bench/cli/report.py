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
    from bench.report import markdown, terminal
    from bench.report.leaderboard import compare
    from bench.study.study import Study

    board = compare(Study(study))
    path = study / "leaderboard.md"
    path.write_text(markdown.render(study.resolve().name, board), encoding="utf-8")
    console = Console()
    terminal.print_leaderboard(console, study.resolve().name, board)
    console.print(f"written to {path}", highlight=False)
