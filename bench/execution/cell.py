"""One cell at work: from its settings to its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import nn

import architectures
from bench.evaluation import baselines, selection
from bench.evaluation.metric import Metric, evaluate, per_image
from bench.evaluation.score import score
from bench.events import Listener, silent
from bench.execution.context import RunContext
from bench.execution.shared_teacher import shared_teacher
from bench.machine.failure import Failure
from bench.machine.memory import PeakMemory
from bench.machine.precision import guard_narrow_convolutions
from bench.settings import Architecture, LossPair
from bench.settings.grid import Cell
from bench.study import places
from bench.study.record import Execution, Record, SampleCounts, Training
from bench.training.fit import Trainer
from bench.training.teacher import StudentTeacher


class CellOutcome(NamedTuple):
    """What a cell that did not fail has to show: tables of scores, and fields of its record."""

    tables: dict[str, pd.DataFrame]
    training: Training | None = None
    teacher: Training | None = None
    peak_memory_mib: float | None = None
    data_memory_mib: float = 0.0
    note: str | None = None


class CellResult(NamedTuple):
    """A finished cell.

    Attributes:
        record: of the cell.
        tables: one row a test image, by `places.SCORES`, `places.VALUES` and, of a teacher's depth
            with and without the mask, `places.CONSISTENCY`; none of a failed cell.
    """

    record: Record
    tables: dict[str, pd.DataFrame]


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


def run_cell(job: Job, context: RunContext, listen: Listener = silent) -> CellResult:
    """Run one cell; a failure becomes a record without scores.

    Raises:
        InputError: the code of the cell is not what this process has loaded.
    """
    cell, started_utc = job.cell, datetime.now(UTC)
    try:
        outcome = (
            _score_baseline(cell, context)
            if cell.loss is None
            else _train_and_score(job, cell.loss, context, listen)
        )
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        why = Failure.of(error)
        return failed(cell, context, why.reason, why.traceback, started_utc)
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
    )
    return CellResult(record, with_values(outcome.tables, context.metrics))


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
    found = {name: evaluate(table, metrics) for name, table in tables.items()}
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
    failure: str,
    details: str = "",
    started_utc: datetime | None = None,
) -> CellResult:
    """A cell that has no scores, and why."""
    started_utc = started_utc or datetime.now(UTC)
    record = _record(cell, context, started_utc, failure=failure, failure_details=details or None)
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
    job: Job, loss: LossPair, context: RunContext, listen: Listener
) -> CellOutcome:
    """Train on ``train``, select on ``val``, read ``test`` once; of a trial, not at all."""
    cell, like = job.cell, job.like
    # The images lie where they lie before anything is counted.
    data_memory_mib = sum(loader.resident_mib for loader in context.loaders.values())
    trainer = Trainer(
        context.loaders,
        cell.data.image_size,
        context.split,
        cell.seed,
        context.device,
        memory=PeakMemory(context.device),
        tasks=tuple(task for task in cell.tasks if task in context.loader.dataset.tasks),
        metrics=context.val_metrics,
        cell_id=cell.id,
        listen=listen,
        falls_back=job.falls_back,
    )
    create = partial(_create, context=context)
    teacher = None
    if cell.train.teacher is not None:
        of_teacher = replace(trainer, precedents=_executions(like.teacher if like else None))
        teacher = shared_teacher(cell.train.teacher, of_teacher, create, context.folder)
    memory = PeakMemory(context.device)
    model = create(cell.architecture, cell.seed)
    trainer = replace(
        trainer, memory=memory, precedents=_executions(like.training if like else None)
    )
    if teacher is not None:
        model = StudentTeacher(model, teacher.network)
        trainer = replace(trainer, pseudo_label=model.pseudo_label)
    training = trainer.fit(model, loss, cell.train.recipes())
    peaks_mib = [memory.mib(), teacher.peak_memory_mib if teacher else None]
    peak_mib = max((peak for peak in peaks_mib if peak is not None), default=None)
    outcome = CellOutcome(
        {},
        training,
        teacher.training if teacher else None,
        peak_memory_mib=peak_mib,
        data_memory_mib=data_memory_mib,
    )
    if cell.trial is not None:
        return outcome
    last = cell.train.recipes()[-1]
    score_test = partial(
        score,
        model,
        context.loader,
        context.split.test,
        batch_size=last.batch_size,
        precision=last.precision,
    )
    tables = {places.SCORES: score_test(tasks=trainer.tasks)}
    if isinstance(model, StudentTeacher):
        tables[places.CONSISTENCY] = score_test(tasks=("depth",), pseudo_label=model.pseudo_label)
    return outcome._replace(tables=tables)


def _executions(training: Training | None) -> tuple[Execution, ...]:
    return training.executions if training else ()


def _create(architecture: Architecture, seed: int, *, context: RunContext) -> nn.Module:
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if context.device.type == "cpu":
        guard_narrow_convolutions(model, context.loaders)
    model.to(device=context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
