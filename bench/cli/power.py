"""`bench power`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.errors import InputError, suggestion

if TYPE_CHECKING:
    from bench.report.columns import Column
    from bench.report.leaderboard import Leaderboard


def power(
    study: Annotated[Path, typer.Argument(help="The folder that `bench run` wrote.")],
    metric: Annotated[
        str | None,
        typer.Option(
            help="By which the rows are compared.",
            show_default="the board's first by which rows are ranked",
        ),
    ] = None,
) -> None:
    """Say how many seeds or images would tell the rows apart that cannot be told apart yet."""
    from bench.report.leaderboard import leaderboards
    from bench.study.study import Study

    console = Console()
    for board in leaderboards(Study(study).load()):
        column = _ranking_column(board, metric)
        if column is not None:
            _print_pairs(console, board, column)


def _ranking_column(board: Leaderboard, metric: str | None) -> Column | None:
    """The metric asked for, or the first, by which rows are ranked; says of others why not."""
    from bench.report.unranked import why_unranked
    from bench.text import printable

    scores = {column.key: column for column in board.columns if column.is_score}
    if metric is not None and metric not in scores:
        raise InputError(f"--metric: {metric}: not on the board{suggestion(metric, scores)}")
    for column in scores.values() if metric is None else [scores[metric]]:
        if board.is_ranked_by(column):
            return column
        why = why_unranked(board, column)
        typer.echo(printable(f"no row is ranked by {column.name}: {why}"))
    return None


def _print_pairs(console: Console, board: Leaderboard, column: Column) -> None:
    from bench.report.separation import open_pairs
    from bench.text import printable

    found, pairs = board.analysis(column), open_pairs(board, column)
    if found is None or not pairs:
        typer.echo(printable(f"all ranked rows can be told apart in {column.name}"))
        return
    seeds = int(found.panel.seed_counts[found.ranking.ranked].max())
    title = f"{column.title}: not told apart with {seeds} seeds, {found.panel.images} images"
    table = Table(title=Text(printable(title)))
    for heading in ("row", "and"):
        table.add_column(heading, overflow="fold")
    for heading in ("difference", "seeds", "or images"):
        table.add_column(heading, justify="right", no_wrap=True)
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
