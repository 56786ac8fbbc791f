"""One row for each architecture and loss, over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bench.execution.run import all_cells, timed_subjects
from bench.report.columns import (
    COLUMNS,
    CROSS_ENTROPY_COLUMNS,
    SCORE_COLUMNS,
    Column,
    Estimate,
    Finished,
)
from bench.settings.grid import Cell, Grid
from bench.study.measurement import Measurement
from bench.study.record import Record
from bench.study.study import Study

UNLIKE_TERMS = 10.0  # a mixture whose terms differ more than so many times is remarked on


@dataclass(frozen=True)
class Row:
    """One architecture with one loss, or one trivial baseline (no loss).

    Attributes:
        seeds: how many of the grid's seeds are complete.
        figures: by column name; a column without a figure has no entry.
        remarks: what is missing, failed or out of balance, in words.
    """

    architecture: str
    loss: str | None
    seeds: int
    figures: dict[str, Estimate]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Leaderboard:
    """What `bench report` shows of a study.

    Attributes:
        rows: the trained rows, the best IoU first; those without a figure last.
        baselines: the trivial rows, in their fixed order.
        records: every finished record of the grid, complete or failed, in the grid's order.
        timed: what was measured of the grid's networks.
    """

    grid: Grid
    rows: tuple[Row, ...]
    baselines: tuple[Row, ...]
    records: tuple[Record, ...] = field(repr=False)
    timed: tuple[Measurement, ...] = field(default=(), repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in which any row has a figure; the scores in any case."""
        return tuple(
            column
            for column in COLUMNS
            if column in SCORE_COLUMNS or any(column.name in row.figures for row in self.rows)
        )


def compare(study: Study) -> Leaderboard:
    """Gather a study's records into rows.

    Raises:
        InputError: the folder holds no study, or a damaged record or measurement.
    """
    grid = study.read_grid()
    cells = all_cells(grid)
    finished = study.finished()
    records = {cell.id: study.read(cell.id) for cell in cells if cell.id in finished}
    groups: dict[tuple[str, str | None], list[Cell]] = {}
    for cell in cells:
        key = (cell.architecture.label, cell.loss.label if cell.loss else None)
        groups.setdefault(key, []).append(cell)
    timed = _timed(grid, study)
    rows = [_row(*key, group, records, timed) for key, group in groups.items()]
    baselines = [row for row in rows if row.loss is None]
    trained = _marked([row for row in rows if row.loss is not None], baselines)
    return Leaderboard(
        grid=grid,
        rows=tuple(sorted(trained, key=_rank)),
        baselines=tuple(baselines),
        records=tuple(records.values()),
        timed=tuple(timed.values()),
    )


def _timed(grid: Grid, study: Study) -> dict[str, Measurement]:
    """What was measured of the grid's networks, by label."""
    measured = study.read_throughput()
    cases = [case for case in timed_subjects(grid, study) if case.id in measured]
    return {case.label: measured[case.id] for case in cases}


def _row(
    architecture: str,
    loss: str | None,
    cells: list[Cell],
    records: dict[str, Record],
    timed: dict[str, Measurement],
) -> Row:
    remarks = []
    complete = []
    for cell in cells:
        record = records.get(cell.id)
        if record is None:
            remarks.append(f"seed {cell.seed}: not run yet")
        elif record.failure is not None:
            remarks.append(f"seed {cell.seed}: failed: {record.failure}")
        else:
            complete.append(Finished(record, timed.get(architecture)))
            texts = [*_unlike_terms(record), *_savings(record)]
            remarks += [f"seed {cell.seed}: {text}" for text in texts]
    figures = {
        column.name: figure
        for column in COLUMNS + CROSS_ENTROPY_COLUMNS
        if (figure := _figure(column, complete)) is not None
    }
    return Row(architecture, loss, len(complete), figures, tuple(remarks))


def _savings(record: Record) -> Iterator[str]:
    """What was done for want of memory."""
    steps = max((execution.accumulation_steps for execution in record.executions), default=1)
    if steps > 1:
        yield (
            f"gradient accumulation over {steps} micro-batches (out of memory); BatchNorm "
            "statistics are per micro-batch"
        )
    if any(execution.checkpointing for execution in record.executions):
        yield "activation checkpointing (out of memory)"


def _unlike_terms(record: Record) -> Iterator[str]:
    """What to say of each mixture whose terms differ more than tenfold at its start or end."""
    stage_heads = dict.fromkeys((scale.stage, scale.task) for scale in record.terms)
    for stage, task in stage_heads:
        mixture = [s for s in record.terms if (s.stage, s.task) == (stage, task)]
        for when in ("start", "end"):
            sizes = {scale.term: abs(getattr(scale, when)) for scale in mixture}
            if max(sizes.values()) > UNLIKE_TERMS * min(sizes.values()):
                listed = ", ".join(f"{term} {size:.3g}" for term, size in sizes.items())
                yield f"the {task} loss's terms differ more than tenfold at the {when}: {listed}"


def _figure(column: Column, cells: Sequence[Finished]) -> Estimate | None:
    known = [value for cell in cells if (value := column.read(cell)) is not None]
    if not known:
        return None
    return Estimate(
        mean=statistics.fmean(known),
        sd=statistics.stdev(known) if len(known) > 1 else None,
        noisy=any(cell.timed and column.name in cell.timed.noisy for cell in cells),
    )


def _marked(rows: Sequence[Row], baselines: Sequence[Row]) -> list[Row]:
    """The rows with the best of each column and what a baseline equals or beats marked."""
    marked = [dict(row.figures) for row in rows]
    for column in COLUMNS + CROSS_ENTROPY_COLUMNS:
        sign = 1 if column.higher_is_better else -1
        best = max(
            (sign * row[column.name].mean for row in marked if column.name in row), default=0
        )
        bar = [
            sign * row.figures[column.name].mean for row in baselines if column.name in row.figures
        ]
        for row in marked:
            if (figure := row.get(column.name)) is not None:
                row[column.name] = replace(
                    figure,
                    best=sign * figure.mean == best,
                    below_baseline=bool(bar) and sign * figure.mean <= max(bar),
                )
    return [
        Row(row.architecture, row.loss, row.seeds, figures, row.remarks)
        for row, figures in zip(rows, marked, strict=True)
    ]


def _rank(row: Row) -> tuple[bool, float, str, str]:
    """Best IoU first (best RMSE where no mask is predicted), rows without figures last."""
    if "IoU" in row.figures:
        return False, -row.figures["IoU"].mean, row.architecture, row.loss or ""
    if "RMSE" in row.figures:
        return False, row.figures["RMSE"].mean, row.architecture, row.loss or ""
    return True, 0.0, row.architecture, row.loss or ""
