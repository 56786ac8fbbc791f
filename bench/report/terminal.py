"""A leaderboard, and a plan, on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from bench.execution.run import all_cells
from bench.report.columns import SCORE_COLUMNS
from bench.report.leaderboard import Leaderboard
from bench.report.markdown import BELOW_BASELINE, NOISY, NOISY_MEANS, cell_text
from bench.settings.grid import Grid
from bench.study.study import Study


def print_leaderboard(console: Console, name: str, board: Leaderboard) -> None:
    """As many columns as fit, the scores first; what is missing or failed below them."""
    shown = len(board.columns)
    while (
        shown > len(SCORE_COLUMNS) and _width(console, _table(name, board, shown)) > console.width
    ):
        shown -= 1
    console.print(_table(name, board, shown))
    console.print(f"[dim]{BELOW_BASELINE} no better than a trivial baseline[/]")
    if any(figure.noisy for row in board.rows for figure in row.figures.values()):
        console.print(f"[dim]{NOISY} {NOISY_MEANS}[/]")
    if shown < len(board.columns):
        left_out = ", ".join(column.name for column in board.columns[shown:])
        console.print(f"[dim]in leaderboard.md too: {left_out}[/]")
    for row in (*board.rows, *board.baselines):
        for remark in row.remarks:
            console.print(f"{row.architecture} {row.loss or ''}: {remark}", markup=False)
    for result in board.timed:
        for problem in result.problems:
            console.print(f"{result.case.label}: throughput: {problem}", markup=False)


def _table(name: str, board: Leaderboard, shown: int) -> Table:
    """The leaderboard with the first ``shown`` of its columns."""
    columns = board.columns[:shown]
    table = Table(title=f"Leaderboard: {name}", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("architecture", "loss"):
        table.add_column(title, overflow="fold")
    for column in columns:
        heading = f"{column.name}\n{column.unit} {column.arrow}"
        table.add_column(heading, justify="right", no_wrap=True)
    for rows in (board.rows, board.baselines):
        for row in rows:
            texts = [cell_text(row.figures.get(column.name), column) for column in columns]
            figures = [
                f"[bold green]{text.replace('**', '')}[/]" if "**" in text else text
                for text in texts
            ]
            table.add_row(row.architecture, row.loss or "[dim](baseline)[/]", *figures)
        table.add_section()
    return table


def _width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum


def print_plan(console: Console, grid: Grid, study: Study) -> None:
    """Every cell of the grid, and whether the study holds it already."""
    finished = study.finished()
    cells = all_cells(grid)
    table = Table(title=f"{len(cells)} cells, to be kept in {study.folder}")
    for title in ("cell", "architecture", "loss", "seed", "state"):
        table.add_column(title, overflow="fold")
    for cell in cells:
        table.add_row(
            cell.id,
            cell.architecture.label,
            cell.loss.label if cell.loss else "(baseline)",
            str(cell.seed),
            "[green]finished[/]" if cell.id in finished else "to run",
        )
    console.print(table)
    missing = sum(cell.id not in finished for cell in cells)
    console.print(f"{missing} to run, {len(cells) - missing} finished", highlight=False)
