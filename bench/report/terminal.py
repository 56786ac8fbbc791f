"""Leaderboards on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report.answer import answer
from bench.report.cell_texts import seeds
from bench.report.leaderboard import Leaderboard
from bench.report.markdown import text
from bench.report.marks import STALE, explained
from bench.report.row import Row
from bench.text import printable


def print_leaderboard(
    console: Console, name: str, boards: Sequence[Leaderboard], damaged: Mapping[str, str]
) -> None:
    """As many columns as fit, the scores first; what is missing or failed below them."""
    for board in boards:
        _print_board(console, name, board)
    for place, why in damaged.items():
        _print(console, f"damaged: {place}: {why}")


def _print_board(console: Console, name: str, board: Leaderboard) -> None:
    scores = sum(column.is_score for column in board.columns)
    shown = len(board.columns)
    while shown > scores and _width(console, _table(name, board, shown)) > console.width:
        shown -= 1
    console.print(_table(name, board, shown))
    for sentence in answer(board):
        _print(console, sentence, style="bold")
    for line in explained(board):
        _print(console, line.replace("**", ""), style="dim")
    if shown < len(board.columns):
        left_out = ", ".join(column.name for column in board.columns[shown:])
        _print(console, f"in leaderboard.md too: {left_out}", style="dim")
    _print_remarks(console, board)


def _print_remarks(console: Console, board: Leaderboard) -> None:
    for row in (*board.rows, *board.baselines):
        for remark in row.remarks:
            _print(console, f"{row.title}: {remark}")
    for measured in board.timed:
        for problem in measured.problems:
            _print(console, f"{measured.case.label}: throughput: {problem}")
    for remark in board.remarks:
        _print(console, remark)
    for machine in board.timed_elsewhere:
        _print(console, f"in leaderboard.md: throughput on {machine}")


def _print(console: Console, line: str, style: str = "") -> None:
    """A line as it is, whatever a user's names in it look like."""
    console.print(Text(printable(line), style=style))


def _table(name: str, board: Leaderboard, shown: int) -> Table:
    """The leaderboard with the first ``shown`` of its columns."""
    columns = board.columns[:shown]
    table = Table(
        title=Text(printable(f"Leaderboard: {name}")), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for title in ("architecture", "loss"):
        table.add_column(title, overflow="fold")
    if not all(row.is_ranked for row in board.rows):
        table.add_column("seeds", justify="right")
    for column in columns:
        heading = Text(f"{printable(column.name)}\n{printable(column.unit)} {column.arrow}")
        table.add_column(heading, justify="right", no_wrap=True)
    for rows in (board.rows, board.baselines):
        for row in rows:
            figures = [_figure(text(row, column)) for column in columns]
            counts = [Text(seeds(row))] if len(table.columns) > 2 + len(columns) else []
            table.add_row(*_names(row), *counts, *figures)
        table.add_section()
    return table


def _names(row: Row) -> tuple[Text, Text]:
    if row.loss is None:
        return Text(printable(row.architecture)), Text("(baseline)", style="dim")
    mark = f" {STALE}" if row.is_stale else ""
    return Text(printable(row.architecture)), Text(f"{printable(row.loss)}{mark}")


def _figure(shown: str) -> Text:
    style = "bold green" if "**" in shown else ""
    return Text(shown.replace("**", ""), style=style)


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum
