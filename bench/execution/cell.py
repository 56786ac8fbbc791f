"""One cell at work: from its settings to its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pandas as pd

from bench.evaluation import baselines, selection
from bench.evaluation.metric import Metric, evaluate, per_image
from bench.events import Listener, silent
from bench.execution.cell_training import CellOutcome, train_and_score
from bench.execution.context import RunContext
from bench.execution.several_devices import on_several_devices
from bench.machine.failure import Failure
from bench.machine.rank_processes import RankDiedError
from bench.settings.cell import Cell
from bench.study import places
from bench.study.record import Record, SampleCounts
from bench.training.checkpoint import Interrupted


class CellResult(NamedTuple):
    """A finished cell.

    Attributes:
        record: of the cell.
        tables: by `places.SCORES`, `places.VALUES` and, of a teacher's depth with and without the
            mask, `places.CONSISTENCY`, one row a test image; by `places.PREDICTIONS`, one row a
            test image whose predictions are kept; none of a failed cell.
        weights: of its network, as a file of safetensors, where they are kept.
    """

    record: Record
    tables: dict[str, pd.DataFrame]
    weights: bytes | None = None


class Job(NamedTuple):
    """A cell to run.

    Attributes:
        like: an earlier record of the same network by the same recipe. What was found out when it
            was trained (how it fits into memory, whether compiling pays) is taken over from it, so
            that it is one thing for all of them.
        falls_back: whether a batch that does not fit into memory is divided.
    """

    cell: Cell
    like: Record | None = None
    falls_back: bool = True


def run_cell(
    job: Job,
    context: RunContext,
    listen: Listener = silent,
    must_stop: Callable[[], bool] = lambda: False,
) -> CellResult:
    """Run one cell, from its checkpoint if it has one; a failure becomes a record without scores.

    Args:
        job: the cell.
        context: what all cells share.
        listen: told how far it has come.
        must_stop: asked after every step whether to keep what there is, and to stop.

    Raises:
        InputError: the code of the cell is not what this process has loaded.
        Interrupted: it has been asked to stop; it goes on from its checkpoint.
        RankDiedError: one of the processes that train it on several devices has died.
    """
    cell, started_utc = job.cell, datetime.now(UTC)
    try:
        outcome = (
            _score_baseline(cell, context)
            if cell.loss is None
            else _train_and_score(job, context, listen, must_stop)
        )
    except (KeyboardInterrupt, Interrupted, RankDiedError):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        return failed(cell, context, Failure.of(error), started_utc)
    if isinstance(outcome, Failure):
        return failed(cell, context, outcome, started_utc)
    record = _record(
        cell,
        context,
        started_utc,
        **_worth(cell, outcome, context.metrics),
        training=outcome.training,
        teacher=outcome.teacher,
        peak_memory_mib=outcome.peak_memory_mib,
        data_memory_mib=outcome.data_memory_mib,
        note=outcome.note,
        weights=context.grid.keep.weights if outcome.weights is not None else None,
    )
    return CellResult(record, with_values(outcome.tables, context.metrics), outcome.weights)


def with_values(
    tables: dict[str, pd.DataFrame], metrics: Sequence[Metric]
) -> dict[str, pd.DataFrame]:
    """Return a cell's tables with that of the metrics' values, so that reports need no formula."""
    if places.SCORES not in tables:
        return tables  # of a trial, which is not tested
    return tables | {places.VALUES: per_image(tables[places.SCORES], metrics)}


def _worth(cell: Cell, outcome: CellOutcome, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Those fields of a record that a cell is judged by: figures, or of a trial its best epoch."""
    if cell.trial is None or outcome.training is None:
        return figures(outcome.tables, metrics)
    best = next(epoch for epoch in outcome.training.curve if epoch.selected)
    return {"val_score": selection.score(best.val)}


def figures(tables: dict[str, pd.DataFrame], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Return those fields of a record that are views of its tables of scores."""
    scores = {name: table for name, table in tables.items() if name != places.PREDICTIONS}
    found = {name: evaluate(table, metrics) for name, table in scores.items()}
    consistency = found.get(places.CONSISTENCY)
    return {
        "summary": found[places.SCORES].summary,
        "consistency": consistency and consistency.summary,
        "metrics": {metric.name: metric.contract.source_sha256 for metric in metrics},
        "problems": found[places.SCORES].problems,
    }


def failed(
    cell: Cell,
    context: RunContext,
    why: Failure,
    started_utc: datetime | None = None,
) -> CellResult:
    """A cell that has no scores, and why."""
    record = _record(
        cell,
        context,
        started_utc or datetime.now(UTC),
        failure=why.reason,
        failure_kind=why.kind,
        failure_details=why.traceback or None,
    )
    return CellResult(record, {})


def _record(cell: Cell, context: RunContext, started_utc: datetime, **found: Any) -> Record:
    """What is known of a cell however it ended, and what was ``found``."""
    split = context.split
    return Record(
        cell=cell,
        provenance=context.inventory.of(cell),
        samples=SampleCounts(
            train=len(split.train),
            val=len(split.val),
            test=len(split.test),
            left_out=split.left_out,
        ),
        environment=context.environment,
        started_utc=started_utc,
        finished_utc=datetime.now(UTC),
        **found,
    )


def _score_baseline(cell: Cell, context: RunContext) -> CellOutcome:
    scores, note = baselines.score(cell.architecture.name, context.loader.dataset, context.split)
    return CellOutcome({places.SCORES: scores}, note=note)


def _train_and_score(
    job: Job, context: RunContext, listen: Listener, must_stop: Callable[[], bool]
) -> CellOutcome | Failure:
    if job.cell.devices > 1:
        return on_several_devices(job.cell, job.like, context, listen, must_stop)
    return train_and_score(
        job.cell, job.like, context, listen, must_stop, falls_back=job.falls_back
    )
