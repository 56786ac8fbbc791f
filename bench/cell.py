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
from bench import baselines, evaluate, metrics
from bench.data.feed import Feed
from bench.data.images import Size
from bench.data.split import SplitRows
from bench.device import PeakMemory
from bench.errors import TrainingError
from bench.failure import reason
from bench.grid import Cell
from bench.memory_saving import Limits
from bench.metrics import Summary
from bench.precision import guard_narrow_convolutions
from bench.record import Environment, Record, SampleCounts
from bench.settings import Architecture, LossPair, Teacher
from bench.teacher import Taught
from bench.train import Fit, OnStep, Trainer


@dataclass(frozen=True)
class Bench:
    """What all cells of a run share.

    Attributes:
        feeds: the samples at every size that the grid asks for.
        feed: those at the size of the figures.
        limits: what has been found not to fit into memory.
    """

    feeds: dict[Size, Feed]
    feed: Feed
    split: SplitRows
    device: torch.device
    environment: Environment
    limits: Limits = field(default_factory=Limits)


class Outcome(NamedTuple):
    """What a cell that did not fail has to show: scores, and what of a `Record` it determines."""

    scores: pd.DataFrame
    summary: Summary
    fit: Fit = Fit((), ())
    peak_memory_mib: float | None = None
    note: str | None = None


class Finished(NamedTuple):
    """A cell's record, and the per-image scores if it is complete."""

    record: Record
    scores: pd.DataFrame | None


def run_cell(cell: Cell, bench: Bench, on_step: OnStep) -> Finished:
    """Run one cell; a failure becomes a record without scores."""
    started_utc = datetime.now(UTC)
    try:
        outcome = (
            _score_baseline(cell, bench)
            if cell.loss is None
            else _train_and_score(cell, cell.loss, bench, on_step)
        )
    except Exception as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        return failed(cell, bench, reason(error), started_utc)
    record = _record(cell, bench, started_utc).model_copy(
        update={
            "summary": outcome.summary,
            "curve": outcome.fit.curve,
            "terms": outcome.fit.terms,
            "executions": outcome.fit.executions,
            "peak_memory_mib": outcome.peak_memory_mib,
            "note": outcome.note,
        }
    )
    return Finished(record, outcome.scores)


def failed(cell: Cell, bench: Bench, failure: str, started_utc: datetime | None = None) -> Finished:
    """A cell that has no scores, and why."""
    record = _record(cell, bench, started_utc or datetime.now(UTC))
    return Finished(record.model_copy(update={"failure": failure}), None)


def _record(cell: Cell, bench: Bench, started_utc: datetime) -> Record:
    """What is known of a cell however it ended."""
    split = bench.split
    return Record(
        cell=cell,
        split_digest=split.digest,
        samples=SampleCounts(
            train=len(split.train),
            val=len(split.val),
            test=len(split.test),
            left_out=split.left_out,
        ),
        environment=bench.environment,
        started_utc=started_utc,
        finished_utc=datetime.now(UTC),
    )


def _score_baseline(cell: Cell, bench: Bench) -> Outcome:
    scores, note = baselines.score(cell.architecture.name, bench.feed.dataset, bench.split)
    return Outcome(scores, metrics.summarise(scores), note=note)


def _train_and_score(cell: Cell, loss: LossPair, bench: Bench, on_step: OnStep) -> Outcome:
    """Train on ``train``, select on ``val``, read ``test`` once."""
    memory = PeakMemory(bench.device)
    model = _create(cell.architecture, cell.seed, bench)
    trainer = Trainer(
        bench.feeds,
        cell.data.image_size,
        bench.split,
        cell.seed,
        bench.device,
        on_step,
        limits=bench.limits,
    )
    if cell.train.teacher is not None:
        model = Taught(model, _prepare_teacher(cell.train.teacher, loss, trainer, bench))
        trainer = replace(trainer, relabel=model.relabel)
    fit = trainer.fit(model, loss, cell.train.recipes())
    peak_memory_mib = memory.mib()
    last = cell.train.recipes()[-1]
    score = partial(
        evaluate.score,
        model,
        bench.feed,
        bench.split.test,
        batch_size=last.batch_size,
        precision=last.precision,
    )
    scores = score()
    summary = metrics.summarise(scores)
    if trainer.relabel is not None:
        consistency = metrics.summarise(score(relabel=trainer.relabel))
        summary = summary.model_copy(update={"consistency_rmse": consistency.rmse})
    return Outcome(scores, summary, fit, peak_memory_mib)


def _create(architecture: Architecture, seed: int, bench: Bench) -> nn.Module:
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if bench.device.type == "cpu":
        guard_narrow_convolutions(model, bench.feeds)
    model.to(device=bench.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


def _prepare_teacher(teacher: Teacher, loss: LossPair, trainer: Trainer, bench: Bench) -> nn.Module:
    """The teacher with its weights from a file, or trained on the true depth."""
    model = _create(teacher.architecture, trainer.seed, bench)
    if teacher.weights is not None:
        try:
            safetensors.torch.load_model(model, teacher.weights)
        except (OSError, RuntimeError, SafetensorError) as error:
            raise TrainingError(f"teacher: {teacher.weights}: {error}") from None
    else:
        trainer.fit(model, loss, (teacher.plain(),))
    return model
