"""One cell at work: from its settings to its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import pandas as pd
import safetensors.torch
import torch
from torch import nn

import architectures
from bench.evaluation import baselines, selection
from bench.evaluation.metric import Metric, evaluate, per_image
from bench.evaluation.score import score
from bench.events import Listener, silent
from bench.execution.checkpoints import checkpoints_of
from bench.execution.context import RunContext
from bench.execution.shared_teacher import shared_teacher
from bench.machine.failure import Failure
from bench.machine.memory import PeakMemory
from bench.machine.precision import guard_narrow_convolutions
from bench.settings import Architecture, LossPair
from bench.settings.grid import Cell
from bench.study import places
from bench.study.record import Execution, Record, SampleCounts, Training
from bench.training.checkpoint import Interrupted
from bench.training.fit import Trainer
from bench.training.teacher import StudentTeacher


class CellOutcome(NamedTuple):
    """What a cell that did not fail has to show: tables of scores, and fields of its record."""

    tables: dict[str, pd.DataFrame]
    weights: bytes | None = None
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
    """
    cell, started_utc = job.cell, datetime.now(UTC)
    try:
        outcome = (
            _score_baseline(cell, context)
            if cell.loss is None
            else _train_and_score(job, cell.loss, context, listen, must_stop)
        )
    except (KeyboardInterrupt, Interrupted):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a network does, the grid goes on
        return failed(cell, context, Failure.of(error), started_utc)
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
        weights=context.keep.weights if outcome.weights is not None else None,
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
    job: Job,
    loss: LossPair,
    context: RunContext,
    listen: Listener,
    must_stop: Callable[[], bool],
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
    create = partial(create_network, context=context)
    teacher = None
    if cell.train.teacher is not None:
        of_teacher = replace(trainer, precedents=_executions(like.teacher if like else None))
        teacher = shared_teacher(cell, of_teacher, create, context, must_stop)
    memory = PeakMemory(context.device)
    model = create(cell.architecture, cell.seed)
    trainer = replace(
        trainer,
        memory=memory,
        precedents=_executions(like.training if like else None),
        checkpoints=checkpoints_of(cell, cell.id, context, must_stop=must_stop, listen=listen),
    )
    if teacher is not None:
        model = StudentTeacher(model, teacher.network)
        trainer = replace(trainer, pseudo_label=model.pseudo_label)
    last_weights: list[bytes] = []
    if context.keep.weights == "last":
        trainer = replace(trainer, at_end=lambda: last_weights.append(_serialised(model)))
    training = trainer.fit(model, loss, cell.train.recipes())
    peaks_mib = [memory.mib(), teacher.peak_memory_mib if teacher else None]
    peak_mib = max((peak for peak in peaks_mib if peak is not None), default=None)
    outcome = CellOutcome(
        {},
        training=training,
        teacher=teacher.training if teacher else None,
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
    weights = last_weights[0] if last_weights else None
    if context.keep.weights == "best":
        weights = _serialised(model)
    return outcome._replace(tables=tables, weights=weights)


def _serialised(model: nn.Module) -> bytes:
    """The weights of a network as a file of safetensors; what shares memory is there twice."""
    return safetensors.torch.save(
        {
            name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in model.state_dict().items()
            if isinstance(tensor, torch.Tensor)
        }
    )


def _executions(training: Training | None) -> tuple[Execution, ...]:
    return training.executions if training else ()


def create_network(architecture: Architecture, seed: int, *, context: RunContext) -> nn.Module:
    """Return a network with the initial weights of a seed, as it is trained on the device."""
    model = architectures.create(architecture.name, seed=seed, **architecture.options)
    if context.device.type == "cpu":
        guard_narrow_convolutions(model, context.loaders)
    model.to(device=context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
