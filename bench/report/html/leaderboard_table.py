"""The leaderboard as a table whose every mark is explained where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.cell_texts import figure, rank, seeds
from bench.report.columns import Column
from bench.report.leaderboard import Leaderboard
from bench.report.marks import BELOW_BASELINE, ONE_SEED, STALE
from bench.report.row import Row
from bench.report.speeds import why_absent
from bench.report.timed import measurements_of
from bench.study.measurement import Measurement
from bench.study.timing_case import INFERENCE, LATENCY, training_figure

MEANINGS = {
    BELOW_BASELINE: "no better than a trivial baseline",
    ONE_SEED: "of one seed: the interval is of this checkpoint on other images, not of its recipe",
    STALE: "stale: its code, weights or data have changed since",
}


@dataclass(frozen=True)
class Heading:
    """The head of a column.

    Attributes:
        key: of the column, or the column and what is said of it.
        text: as it is shown.
        meaning: what stands in the column, in words; may be empty.
        is_number: whether what stands in the column is one.
    """

    key: str
    text: str
    meaning: str
    is_number: bool = True


@dataclass(frozen=True)
class TableCell:
    """What stands in a cell.

    Attributes:
        text: the figure, or an em dash.
        order: by what the table is sorted; None stands last.
        is_best: whether nothing in the column is better, for certain.
        marks: beside the figure, with what they mean.
        reason: why there is no figure, or how it is to be read.
    """

    text: str
    order: float | str | None = None
    is_best: bool = False
    marks: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class TableRow:
    """A row of the table; what is wrong with it stands in the remarks."""

    architecture: str
    loss: str
    is_baseline: bool
    marks: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    cells: tuple[TableCell, ...]


def headings(board: Leaderboard) -> list[Heading]:
    """Return the heads of the columns that follow architecture and loss."""
    found = [Heading("seeds", "seeds", "complete ones, and of how many where some are not")]
    for column in board.columns:
        found.append(Heading(column.key, column.title, _meaning(board, column)))
        if board.is_ranked_by(column):
            about = (
                f"The ranks in {column.name} that a row may have, all rows compared at once at "
                "95 %; rows that share a letter cannot be told apart"
            )
            found.append(Heading(f"{column.key}_rank", f"{column.name} rank", about))
    return found


def _meaning(board: Leaderboard, column: Column) -> str:
    analysis = board.analysis(column)
    if analysis is not None:
        return analysis.contract.description
    side = "more" if column.higher_is_better else "less"
    if column.of_speed is not None:
        return f"of the network, measured when all cells were trained; {side} is better"
    return f"{side} is better"


def table_rows(board: Leaderboard) -> list[TableRow]:
    """Return the rows of the table, the trivial baselines last."""
    return [_row(board, row) for row in (*board.rows, *board.baselines)]


def _row(board: Leaderboard, row: Row) -> TableRow:
    cells = [TableCell(seeds(row), row.seeds)]
    timed = measurements_of(row.cells[0], board.timed)
    for column in board.columns:
        cells.append(_cell(row, column, timed))
        if board.is_ranked_by(column):
            estimate = row.figures.get(column.key)
            order = estimate.rank if estimate else None
            cells.append(
                TableCell(
                    rank(row, column),
                    None if order is None else order[0] + order[1] / 10_000,
                    reason="" if order else _unranked(row, column),
                )
            )
    problems = [f"throughput: {problem}" for latest in timed[:1] for problem in latest.problems]
    return TableRow(
        architecture=row.architecture,
        loss=row.loss or "baseline",
        is_baseline=row.loss is None,
        marks=((STALE, MEANINGS[STALE]),) if row.is_stale else (),
        remarks=(*row.remarks, *problems),
        cells=tuple(cells),
    )


def _cell(row: Row, column: Column, timed: Sequence[Measurement]) -> TableCell:
    estimate = row.figures.get(column.key)
    if estimate is None:
        return TableCell(figure(row, column), reason=_absent(row, column, timed))
    text, marks = figure(row, column), []
    if estimate.interval is not None and estimate.interval.of_checkpoint:
        text = text.replace(f" {ONE_SEED}", "")
        marks.append((ONE_SEED, MEANINGS[ONE_SEED]))
    if estimate.below_baseline:
        marks.append((BELOW_BASELINE, MEANINGS[BELOW_BASELINE]))
    collapsed = (
        "Collapsed seeds predict the same for every image; the figure is of those that trained, if "
        "any did"
    )
    return TableCell(
        text,
        estimate.mean,
        is_best=estimate.best,
        marks=tuple(marks),
        reason=collapsed if estimate.collapsed else "",
    )


def _unranked(row: Row, column: Column) -> str:
    if row.loss is None:
        return "a trivial baseline has no rank"
    if not row.is_ranked:
        return "not ranked: seeds are missing, failed or stale"
    estimate = row.figures.get(column.key)
    if estimate is not None and estimate.collapsed:
        return "not ranked: too few of its seeds trained"
    return "not ranked in this column"


def _absent(row: Row, column: Column, timed: Sequence[Measurement]) -> str:
    """Why there is no figure."""
    if row.loss is None:
        return "not of a trivial baseline"
    if column.of_speed is None:
        return "no seed has a figure" if column.is_score else "not recorded"
    named = ((one, _of_measurement(row, column, one)) for one in timed)
    known = (why_absent(one, name) for one, name in named if name in one.timings)
    return next(known, why_absent(timed[0] if timed else None, ""))


def _of_measurement(row: Row, column: Column, timed: Measurement) -> str:
    """What a column's figure of a row is called in a measurement; empty if it is not timed."""
    losses = [one.loss for one in timed.case.trainings]
    of_row = [training_figure(loss) for loss in losses if loss.label == row.loss]
    names = {
        "inference_images_per_s": INFERENCE,
        "latency_ms": LATENCY,
        "training_images_per_s": next(iter(of_row), ""),
    }
    return names.get(column.key, "")


def cross_entropy(board: Leaderboard) -> list[tuple[Row, list[TableCell]]]:
    """Return the cross-entropy of every trained row, whatever it was trained with."""
    return [
        (row, [_cell(row, column, ()) for column in board.cross_entropy_columns])
        for row in board.rows
    ]
