"""One cell at work: from its settings to its record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import pandas as pd
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

import architectures
from bench.data.batch_loader import BatchLoader
from bench.data.split import SplitRows
from bench.errors import TrainingError
from bench.evaluation import baselines, metrics, score
from bench.evaluation.metrics import Summary
from bench.machine.failure import reason
from bench.machine.memory import PeakMemory
from bench.machine.precision import guard_narrow_convolutions
from bench.settings import Architecture, LossPair, Teacher
from bench.settings.base import Size
from bench.settings.grid import Cell
from bench.study.record import Environment, Record, SampleCounts
from bench.training.fit import OnStep, Trainer, TrainingResult
from bench.training.out_of_memory import Limits
from bench.training.teacher import StudentTeacher


@dataclass(frozen=True)
class RunContext:
    """What all cells of a run share.

    Attributes:
        loaders: the samples at every size that the grid asks for.
        loader: those at the size of the figures.
        limits: what has been found not to fit into memory.
    """

    loaders: dict[Size, BatchLoader]
    loader: BatchLoader
    split: SplitRows
    device: torch.device
    environment: Environment
    limits: Limits = field(default_factory=Limits)


class CellOutcome(NamedTuple):
    """What a cell that did not fail has to show: scores, and what of a `Record` it determines."""

    scores: pd.DataFrame
    summary: Summary
    fit: TrainingResult = TrainingResult((), ())
    peak_memory_mib: float | None = None
    note: str | None = None


class CellResult(NamedTuple):
    """A cell's record, and the per-image scores if it is complete."""

    record: Record
    scores: pd.DataFrame | None


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
    record = _record(cell, context, started_utc).model_copy(
        update={
            "summary": outcome.summary,
            "curve": outcome.fit.curve,
            "terms": outcome.fit.terms,
            "executions": outcome.fit.executions,
            "peak_memory_mib": outcome.peak_memory_mib,
            "note": outcome.note,
        }
    )
    return CellResult(record, outcome.scores)


def failed(
    cell: Cell, context: RunContext, failure: str, started_utc: datetime | None = None
) -> CellResult:
    """A cell that has no scores, and why."""
    record = _record(cell, context, started_utc or datetime.now(UTC))
    return CellResult(record.model_copy(update={"failure": failure}), None)


def _record(cell: Cell, context: RunContext, started_utc: datetime) -> Record:
    """What is known of a cell however it ended."""
    split = context.split
    return Record(
        cell=cell,
        split_digest=split.digest,
        samples=SampleCounts(
            train=len(split.train),
            val=len(split.val),
            test=len(split.test),
            left_out=split.left_out,
        ),
        environment=context.environment,
        started_utc=started_utc,
        finished_utc=datetime.now(UTC),
    )


def _score_baseline(cell: Cell, context: RunContext) -> CellOutcome:
    scores, note = baselines.score(cell.architecture.name, context.loader.dataset, context.split)
    return CellOutcome(scores, metrics.summarise(scores), note=note)


def _train_and_score(
    cell: Cell, loss: LossPair, context: RunContext, on_step: OnStep
) -> CellOutcome:
    """Train on ``train``, select on ``val``, read ``test`` once."""
    memory = PeakMemory(context.device)
    model = _create(cell.architecture, cell.seed, context)
    trainer = Trainer(
        context.loaders,
        cell.data.image_size,
        context.split,
        cell.seed,
        context.device,
        on_step,
        limits=context.limits,
    )
    if cell.train.teacher is not None:
        model = StudentTeacher(model, _prepare_teacher(cell.train.teacher, loss, trainer, context))
        trainer = replace(trainer, pseudo_label=model.pseudo_label)
    fit = trainer.fit(model, loss, cell.train.recipes())
    peak_memory_mib = memory.mib()
    last = cell.train.recipes()[-1]
    score_test = partial(
        score.score,
        model,
        context.loader,
        context.split.test,
        batch_size=last.batch_size,
        precision=last.precision,
    )
    scores = score_test()
    summary = metrics.summarise(scores)
    if trainer.pseudo_label is not None:
        consistency = metrics.summarise(score_test(pseudo_label=trainer.pseudo_label))
        summary = summary.model_copy(update={"consistency_rmse": consistency.rmse})
    return CellOutcome(scores, summary, fit, peak_memory_mib)


def _create(architecture: Architecture, seed: int, context: RunContext) -> nn.Module:
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if context.device.type == "cpu":
        guard_narrow_convolutions(model, context.loaders)
    model.to(device=context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _prepare_teacher(
    teacher: Teacher, loss: LossPair, trainer: Trainer, context: RunContext
) -> nn.Module:
    """The teacher with its weights from a file, or trained on the true depth."""
    model = _create(teacher.architecture, trainer.seed, context)
    if teacher.weights is not None:
        try:
            safetensors.torch.load_model(model, teacher.weights)
        except (OSError, RuntimeError, SafetensorError) as error:
            raise TrainingError(f"teacher: {teacher.weights}: {error}") from None
    else:
        trainer.fit(model, loss, (teacher.plain(),))
    return model
