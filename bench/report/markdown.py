"""A leaderboard as Markdown; the same records give the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.report.answer import answer
from bench.report.beside import joint_and_single, other_splits
from bench.report.board_remarks import board_remarks
from bench.report.cell_texts import figure, rank, seeds
from bench.report.columns import Column
from bench.report.front import front
from bench.report.leaderboard import Leaderboard
from bench.report.marks import BELOW_BASELINE, GREY_TARGETS, STALE, legend
from bench.report.race import raced
from bench.report.row import Row
from bench.report.selection import EVERYTHING, Selection, ShownBoard
from bench.report.setting import setting
from bench.report.sources import sources
from bench.report.speeds import how_timed, speeds
from bench.report.strata import HOW_SURE, strata
from bench.report.tables import table
from bench.text import markdown


def render(
    name: str,
    boards: Sequence[Leaderboard],
    damaged: Mapping[str, str],
    selection: Selection = EVERYTHING,
) -> str:
    """Return the leaderboards of a study, what is missing, and tables of architectures by losses.

    Args:
        name: of the study.
        boards: at least one; with several, what tells them apart stands above each.
        damaged: why something of the study could not be read, by its place in the folder.
        selection: what of the boards is shown. If that is not everything, no section follows on
            what all rows say together.

    Raises:
        InputError: no board has a column or row of the selection.
    """
    parts = [f"# Leaderboard: {markdown(name)}"]
    for shown in selection.of(boards):
        if selection == EVERYTHING:
            parts += _whole(shown)
            beside = other_splits(shown.board, boards)
            parts += [part for found in beside for part in found.section()]
        else:
            parts += [_bullets(setting(shown.board)), *_tables(shown), *_remarks(shown)]
    if damaged:
        lines = [f"{place}: {why}" for place, why in damaged.items()]
        parts.append(f"## Damaged\n\n{_bullets(lines)}")
    return "\n\n".join(parts) + "\n"


def render_strata(
    name: str,
    boards: Sequence[Leaderboard],
    column: str,
    selection: Selection = EVERYTHING,
) -> str:
    """Return the scores of each row by a column of the test images, see `strata`."""
    parts = [f"# {markdown(name)} by {markdown(column)}"]
    for shown in selection.of(boards):
        parts += [_bullets(setting(shown.board)), *strata(shown, column)]
    parts.append(HOW_SURE)
    return "\n\n".join(parts) + "\n"


def _whole(shown: ShownBoard) -> list[str]:
    board = shown.board
    said = [f"> {markdown(sentence)}" for sentence in answer(board)]
    parts = [
        *(["\n>\n".join(said)] if said else []),
        _bullets(setting(board)),
        *_tables(shown),
        *map(markdown, filter(None, [raced(board)])),
        *_remarks(shown),
    ]
    for title, timed in (
        ("Throughput", board.timed),
        *((f"Throughput on {name}", found) for name, found in board.timed_elsewhere.items()),
    ):
        if any(measured.timings for measured in timed):
            parts.append(f"## {markdown(title)}\n\n{speeds(timed)}")
            parts += map(markdown, how_timed(timed))
    scores = [column for column in board.columns if column.is_score]
    parts += [part for column in scores for part in sources(board, column)]
    parts += front(board)
    parts += [part for found in joint_and_single(board) for part in found.section()]
    parts += [f"## {markdown(c.title)}\n\n{_crossed(board, c)}" for c in scores]
    if board.cross_entropy_columns:
        parts.append(f"## Cross-entropy\n\n{_cross_entropy(board)}")
    return parts


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {markdown(line)}" for line in lines)


def _tables(shown: ShownBoard) -> list[str]:
    """The first table, which has the seeds; those of further columns; and what the marks mean."""
    first, *further = shown.tables()
    parts = [_table(shown, first, with_seeds=True)]
    for columns in further:
        rows = shown.with_figures_in(columns)
        parts += ["Further columns of these rows:", _table(rows, columns, with_seeds=False)]
    meaning = " ".join(f"{markdown(line)}." for line in legend(shown))
    return [*parts, f"**Bold**{meaning.removeprefix('Bold')}"]


def _table(shown: ShownBoard, columns: Sequence[Column], *, with_seeds: bool) -> str:
    is_ranked = [shown.board.is_ranked_by(column) for column in columns]
    header = ["architecture", "loss", *(["seeds"] if with_seeds else [])]
    for column, ranked in zip(columns, is_ranked, strict=True):
        header += [markdown(column.title), *(["rank"] if ranked else [])]
    body = []
    for row in shown.all_rows:
        cells = [*names(row), *([seeds(row)] if with_seeds else [])]
        for column, ranked in zip(columns, is_ranked, strict=True):
            cells += [text(row, column), *([rank(row, column)] if ranked else [])]
        body.append(cells)
    return table(header, body, numeric_from=2)


def _remarks(shown: ShownBoard) -> list[str]:
    """A section on what is wrong with the rows that are shown, and with the board."""
    remarks = list(board_remarks(shown.board, shown.all_rows))
    return [f"## Remarks\n\n{_bullets(remarks)}"] if remarks else []


def _cross_entropy(board: Leaderboard) -> str:
    """The BCE of every trained row, whatever it was trained with."""
    columns = board.cross_entropy_columns
    header = ["architecture", "loss", *(markdown(column.title) for column in columns)]
    body = [[*names(row), *texts(row, columns)] for row in board.rows]
    return f"{table(header, body, numeric_from=2)}\n\n{GREY_TARGETS}"


def _crossed(board: Leaderboard, column: Column) -> str:
    """Architectures down, losses across, in the grid's order."""
    by_names = {(row.architecture, row.loss): row for row in board.rows}
    body = [
        [
            markdown(architecture),
            *(
                text(row, column) if (row := by_names.get((architecture, loss))) else ""
                for loss in board.losses
            ),
        ]
        for architecture in board.architectures
    ]
    return table(["architecture", *map(markdown, board.losses)], body, numeric_from=1)


def names(row: Row) -> tuple[str, str]:
    """Return a row's architecture and loss in Markdown, marked if it is stale."""
    loss = "(baseline)" if row.loss is None else markdown(row.loss)
    return markdown(row.architecture), f"{loss} {STALE}" if row.is_stale else loss


def texts(row: Row, columns: Sequence[Column]) -> list[str]:
    """Return a row's figures with their marks."""
    return [text(row, column) for column in columns]


def text(row: Row, column: Column) -> str:
    """Return a figure with its spread and marks; an em dash where there is none."""
    shown, estimate = figure(row, column), row.figures.get(column.key)
    if estimate is None:
        return shown
    if estimate.best:
        shown = f"**{shown}**"
    return f"{shown} {BELOW_BASELINE}" if estimate.below_baseline else shown
