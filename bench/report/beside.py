"""Boards and rows that answer one question together: other splits, single tasks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.report.columns import Column, Estimate
from bench.report.leaderboard import Leaderboard
from bench.report.marks import ONE_SEED
from bench.report.plain_table import PlainTable
from bench.report.row import Row
from bench.settings import identity
from bench.settings.cell import TASKS, Cell
from bench.settings.data import Split
from bench.statistics.intervals import difference


def other_splits(board: Leaderboard, boards: Sequence[Leaderboard]) -> Iterator[PlainTable]:
    """Give a table of each board that differs in how the same samples are split."""
    for other in boards:
        if other is board or _but_for_the_split(other) != _but_for_the_split(board):
            continue
        if _data(other) != _data(board):
            continue
        columns = [c for c in board.columns if board.analysis(c) and other.analysis(c)]
        of_other = {row.title: row for row in other.rows}
        body = tuple(
            (
                row.architecture,
                row.loss or "",
                *(_change(row, of_other[row.title], column) for column in columns),
            )
            for row in board.rows
            if row.title in of_other
        )
        here, there = (b.grid.data.split.label for b in (board, other))
        if body and columns:
            yield PlainTable(
                title=f"Beside the same samples, split otherwise: {there}",
                header=("architecture", "loss", *(column.title for column in columns)),
                body=body,
                numeric_from=2,
                note=(
                    f"There ({there}) less here ({here}), with half of the 95 % interval; the test "
                    "images are not the same."
                ),
            )


def _but_for_the_split(board: Leaderboard) -> str:
    same = board.grid.data.model_copy(update={"split": Split()})
    cell = next(cell for cell in board.grid.cells() if cell.loss is not None)
    return identity.digest(cell.model_copy(update={"data": same}).setting)


def _data(board: Leaderboard) -> set[str | None]:
    """The fingerprints of the samples behind a board."""
    return {record.provenance.data for record in board.records}


def _change(row: Row, other: Row, column: Column) -> str:
    here, there = (one.figures.get(column.key) for one in (row, other))
    if not _known(here) or not _known(there):
        return "—"
    widths = [e.interval.half_width for e in (here, there) if e and e.interval]
    half = math.hypot(*widths)
    change = (there.mean if there else 0) - (here.mean if here else 0)
    one_seed = any(e.interval.of_checkpoint for e in (here, there) if e and e.interval)
    mark = f" {ONE_SEED}" if one_seed else ""
    return f"{change:+z.{column.decimals}f} ± {half:.{column.decimals}f}{mark}"


def _known(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.interval is not None


def joint_and_single(board: Leaderboard) -> Iterator[PlainTable]:
    """Give a table of what training both tasks at once costs each of them, if that was tried.

    A row that trains both tasks is compared with the row of the same network whose loss is the same
    for one task and that trains no other.
    """
    body = []
    for column in board.columns:
        found = board.analysis(column)
        if found is None or column.task is None:
            continue
        rows = {number: board.rows[number].records[0].cell for number in found.rows}
        for place, (number, cell) in enumerate(rows.items()):
            if cell.loss is None or None in {cell.loss.mask, cell.loss.depth}:
                continue
            for other, single in enumerate(rows.values()):
                if not _is_single(single, cell, column.task):
                    continue
                change, d = difference(found.panel, place, other), column.decimals
                body.append(
                    (
                        board.rows[number].architecture,
                        board.rows[number].loss or "",
                        column.title,
                        f"{change.estimate:+z.{d}f} ± {change.half_width:.{d}f}"
                        + (f" {ONE_SEED}" if change.of_checkpoint else ""),
                    )
                )
    if body:
        yield PlainTable(
            title="Both tasks at once, or one alone",
            header=("architecture", "loss", "score", "both tasks less one alone"),
            body=tuple(body),
            numeric_from=3,
        )


def _is_single(single: Cell, joint: Cell, task: str) -> bool:
    """Whether a cell trains the network of another one by the same loss for one task alone."""
    if single.architecture != joint.architecture or single.loss is None or joint.loss is None:
        return False
    trained = {task: getattr(joint.loss, task)}
    return all(getattr(single.loss, each) == trained.get(each) for each in TASKS)
