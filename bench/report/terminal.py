"""Leaderboards on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report.answer import answer
from bench.report.board_remarks import board_remarks
from bench.report.cell_texts import rank, seeds
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.markdown import text
from bench.report.marks import STALE, legend
from bench.report.row import Row
from bench.report.selection import EVERYTHING, Selection, ShownBoard
from bench.text import printable

ROWS_NAMED = 3  # that one remark is about; the others are in the written report
NAME_WIDTH = 12  # characters of a longer name that stand in a line at least


def print_leaderboard(
    console: Console,
    name: str,
    boards: Sequence[Leaderboard],
    damaged: Mapping[str, str],
    selection: Selection = EVERYTHING,
) -> None:
    """Print the first table of the report, as much as fits; what is missing or failed below it.

    Raises:
        InputError: no board has a column or row of the selection.
    """
    for shown in selection.of(boards):
        _print_board(console, name, shown, answer(shown.board) if selection == EVERYTHING else [])
    for place, why in damaged.items():
        _print(console, f"damaged: {place}: {why}")


def _print_board(console: Console, name: str, shown: ShownBoard, sentences: Sequence[str]) -> None:
    columns, ranks = list(shown.tables()[0]), True
    while _width(console, _table(name, shown, columns, with_ranks=ranks)) > console.width:
        costs = [column for column in columns if not column.is_score]
        if costs and len(columns) > 1:
            columns.remove(costs[-1])
        elif ranks:
            ranks = False
        elif len(columns) > 1 and _folded_width(console, name, shown, columns) > console.width:
            columns.pop()
        else:
            break  # and the names are folded
    console.print(_table(name, shown, columns, with_ranks=ranks))
    for sentence in sentences:
        _print(console, sentence, style="bold")
    for line in legend(shown):
        _print(console, line, style="dim")
    left_out = [column.name for column in shown.columns if column not in columns]
    if not ranks and any(map(shown.board.is_ranked_by, columns)):
        left_out.insert(0, "ranks")
    if left_out:
        _print(console, f"in the written report too: {', '.join(left_out)}", style="dim")
    _print_remarks(console, shown)


def _print_remarks(console: Console, shown: ShownBoard) -> None:
    for remark in board_remarks(shown.board, shown.all_rows, most=ROWS_NAMED):
        _print(console, remark)
    for machine in shown.board.timed_elsewhere:
        _print(console, f"in leaderboard.md: throughput on {machine}")


def _print(console: Console, line: str, style: str = "") -> None:
    """A line as it is, whatever a user's names in it look like."""
    console.print(Text(printable(line), style=style))


def _table(
    name: str,
    shown: ShownBoard,
    columns: Sequence[Column],
    *,
    with_ranks: bool,
    name_width: int | None = None,
) -> Table:
    table = Table(
        title=Text(printable(f"Leaderboard: {name}")), box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for title in ("architecture", "loss"):
        table.add_column(title, overflow="fold", max_width=name_width)
    table.add_column("seeds", justify="right", no_wrap=True)
    ranked = {column.key for column in columns if with_ranks and shown.board.is_ranked_by(column)}
    for column in columns:
        unit = f"\n{printable(column.unit)}" if column.unit else ""
        heading = Text(f"{printable(column.name)}{unit} {column.arrow}")
        table.add_column(heading, justify="right", no_wrap=True)
        if column.key in ranked:
            table.add_column("rank", justify="right", no_wrap=True)
    for rows in (shown.rows, shown.baselines):
        for row in rows:
            cells = [*_names(row), Text(seeds(row))]
            for column in columns:
                cells.append(_figure(text(row, column)))
                if column.key in ranked:
                    cells.append(Text(rank(row, column)))
            table.add_row(*cells)
        table.add_section()
    return table


def _names(row: Row) -> tuple[Text, Text]:
    if row.loss is None:
        return Text(printable(row.architecture)), Text("(baseline)", style="dim")
    mark = f" {STALE}" if row.is_stale else ""
    return Text(printable(row.architecture)), Text(f"{printable(row.loss)}{mark}")


def _figure(shown: str) -> Text:
    """A figure in one line, and what of its seeds is amiss in the next, to keep columns narrow."""
    style = "bold green" if "**" in shown else ""
    return Text(shown.replace("**", "").replace(" (", "\n("), style=style)


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum


def _folded_width(console: Console, name: str, shown: ShownBoard, columns: Sequence[Column]) -> int:
    """The width of a table without ranks whose names are as narrow as they may be."""
    return _width(console, _table(name, shown, columns, with_ranks=False, name_width=NAME_WIDTH))
