"""`bench power`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import InputError, suggestion


def power(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    metric: Annotated[
        str | None,
        typer.Option(help="By which the rows are compared.", show_default="the board's first"),
    ] = None,
) -> None:
    """Say how many seeds or images would tell the rows apart that cannot be told apart yet."""
    from bench.report.leaderboard import leaderboards
    from bench.report.separation import open_pairs
    from bench.study.study import Study
    from bench.text import printable

    boards = leaderboards(Study(study).load())
    console = Console()
    for board in boards:
        scores = {column.key: column for column in board.columns if column.is_score}
        name = metric or next(iter(scores))
        if name not in scores:
            raise InputError(f"--metric: {name}: not on the board{suggestion(name, scores)}")
        column, found = scores[name], board.analysis(scores[name])
        if found is None or not found.ranking.ranked.any():
            typer.echo("no row is ranked: that takes two seeds or more of each, and their values")
            continue
        pairs = open_pairs(board, column)
        if not pairs:
            typer.echo(f"all ranked rows can be told apart in {column.name}")
            continue
        seeds = int(found.panel.seed_counts[found.ranking.ranked].max())
        title = f"{column.title}: not told apart with {seeds} seeds, {found.panel.images} images"
        table = Table(title=Text(printable(title)))
        for heading in ("row", "and", "difference", "seeds", "or images"):
            table.add_column(heading, justify="left" if heading in {"row", "and"} else "right")
        for pair in pairs:
            d, apart = column.decimals, pair.difference
            table.add_row(
                Text(printable(pair.better.title)),
                Text(printable(pair.worse.title)),
                f"{apart.estimate:+.{d}f} ± {apart.half_width:.{d}f}",
                _range(pair.needed.seeds),
                _range(pair.needed.images),
            )
        console.print(table)
        typer.echo(
            "seeds: of each row, on these images; images: with these seeds. To tell a pair apart "
            "with a probability of 80 %, all pairs at once at 95 %, if the difference is as it "
            "seems. A range, as few seeds tell little of how much they vary."
        )


def _range(found: tuple[int | None, int | None]) -> str:
    low, high = found
    if low is None:
        return "no number"
    if high is None:
        return f"{low} or more"
    return str(low) if low == high else f"{low} to {high}"
