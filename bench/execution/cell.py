"""One cell at work: from its settings to its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

import architectures
from bench.errors import TrainingError
from bench.evaluation import baselines
from bench.evaluation.metric import Metric, evaluate
from bench.evaluation.score import score
from bench.execution.context import RunContext
from bench.machine.failure import reason
from bench.machine.memory import PeakMemory
from bench.machine.precision import guard_narrow_convolutions
from bench.settings import Architecture, LossPair, Teacher
from bench.settings.grid import Cell
from bench.study import places
from bench.study.record import Record, SampleCounts, Training
from bench.training.fit import OnStep, Trainer
from bench.training.teacher import StudentTeacher, TrainedTeacher


class CellOutcome(NamedTuple):
    """What a cell that did not fail has to show: tables of scores, and fields of its record."""

    tables: dict[str, pd.DataFrame]
    training: Training | None = None
    teacher: Training | None = None
    peak_memory_mib: float | None = None
    note: str | None = None


class CellResult(NamedTuple):
    """A finished cell.

    Attributes:
        record: of the cell.
        tables: one row a test image, by `places.SCORES` and, of a teacher's depth with and without
            the mask, by `places.CONSISTENCY`; none of a failed cell.
    """

    record: Record
    tables: dict[str, pd.DataFrame]


def run_cell(cell: Cell, context: RunContext, on_step: OnStep) -> CellResult:
    """Run one cell; a failure becomes a record without scores."""
    started_utc = datetime.now(UTC)
    try:
        outcome = (
            _score_baseline(cell, context)
            if cell.loss is None
            else _train_and_score(cell, cell.loss, context, on_step)
        )
    except Exception as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        return failed(cell, context, reason(error), started_utc)
    record = _record(
        cell,
        context,
        started_utc,
        **figures(outcome.tables, context.metrics),
        training=outcome.training,
        teacher=outcome.teacher,
        peak_memory_mib=outcome.peak_memory_mib,
        note=outcome.note,
    )
    return CellResult(record, outcome.tables)


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
    cell: Cell, context: RunContext, failure: str, started_utc: datetime | None = None
) -> CellResult:
    """A cell that has no scores, and why."""
    record = _record(cell, context, started_utc or datetime.now(UTC), failure=failure)
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
    cell: Cell, loss: LossPair, context: RunContext, on_step: OnStep
) -> CellOutcome:
    """Train on ``train``, select on ``val``, read ``test`` once."""
    trainer = Trainer(
        context.loaders,
        cell.data.image_size,
        context.split,
        cell.seed,
        context.device,
        on_step,
        tasks=tuple(task for task in cell.tasks if task in context.loader.dataset.tasks),
        metrics=context.val_metrics,
        limits=context.limits,
    )
    teacher = None
    if cell.train.teacher is not None:
        teacher = _shared_teacher(cell.train.teacher, trainer, context)
    memory = PeakMemory(context.device)
    model = _create(cell.architecture, cell.seed, context)
    if teacher is not None:
        model = StudentTeacher(model, teacher.network)
        trainer = replace(trainer, pseudo_label=model.pseudo_label)
    training = trainer.fit(model, loss, cell.train.recipes())
    peaks_mib = [memory.mib(), teacher.peak_memory_mib if teacher else None]
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
    return CellOutcome(
        tables,
        training,
        teacher.training if teacher else None,
        peak_memory_mib=max((peak for peak in peaks_mib if peak is not None), default=None),
    )


def _create(architecture: Architecture, seed: int, context: RunContext) -> nn.Module:
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if context.device.type == "cpu":
        guard_narrow_convolutions(model, context.loaders)
    model.to(device=context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _shared_teacher(teacher: Teacher, trainer: Trainer, context: RunContext) -> TrainedTeacher:
    """Return the teacher that all cells of a seed share; the first of them trains it."""
    key = teacher.model_dump_json(), trainer.seed
    if key not in context.teachers:
        context.teachers.clear()  # the cells of one seed follow each other: one is kept at a time
        context.teachers[key] = _prepare_teacher(teacher, trainer, context)
    return context.teachers[key]


def _prepare_teacher(teacher: Teacher, trainer: Trainer, context: RunContext) -> TrainedTeacher:
    """Return the teacher with its weights from a file, or trained on the true depth."""
    memory = PeakMemory(context.device)
    network = _create(teacher.architecture, trainer.seed, context)
    if teacher.losses is not None:
        depth_trainer = replace(trainer, tasks=("depth",))
        training = depth_trainer.fit(network, teacher.losses, (teacher.plain(),))
        return TrainedTeacher(network, training, memory.mib())
    if teacher.weights is not None:
        try:
            safetensors.torch.load_model(network, Path(teacher.weights).expanduser())
        except (OSError, RuntimeError, SafetensorError) as error:
            raise TrainingError(f"teacher: {teacher.weights}: {error}") from None
    return TrainedTeacher(network)
