"""A cell's network: trained, and scored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import pandas as pd
import safetensors.torch
import torch
from torch import nn

import architectures
from bench.evaluation.score import score
from bench.events import Listener
from bench.execution.checkpoints import checkpoints_of
from bench.execution.context import RunContext
from bench.execution.kept_predictions import PredictionsOf, shown_rows
from bench.execution.shared_teacher import shared_teacher
from bench.machine.memory import PeakMemory
from bench.machine.precision import guard_narrow_convolutions
from bench.settings import Architecture
from bench.settings.cell import Cell
from bench.study import places
from bench.study.record import Execution, Record, Training
from bench.training.distributed import ALONE, Group
from bench.training.fit import Trainer
from bench.training.out_of_memory import UNDIVIDED, StepPlan
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


def train_and_score(
    cell: Cell,
    like: Record | None,
    context: RunContext,
    listen: Listener,
    must_stop: Callable[[], bool],
    *,
    falls_back: bool = True,
    at_least: StepPlan = UNDIVIDED,
    group: Group = ALONE,
) -> CellOutcome:
    """Train on ``train``, select on ``val``, read ``test`` once; of a trial, not at all.

    Args:
        cell: with a loss.
        like: see `bench.execution.cell.Job`.
        context: of this process, for its device.
        listen: told how far it has come.
        must_stop: tells whether the training has been asked to stop.
        falls_back: see `Trainer`.
        at_least: see `Trainer`.
        group: the processes that train it together; the scores are the first one's to take, and
            the others have none to show.

    Raises:
        Interrupted: it has been asked to stop.
    """
    if cell.loss is None:
        raise ValueError("the cell has no loss")
    # The images lie where they lie before anything is counted.
    data_memory_mib = sum(loader.resident_mib for loader in context.loaders.values())
    trainer = replace(
        trainer_of(cell, context),
        listen=listen,
        falls_back=falls_back,
        at_least=at_least,
        group=group,
    )
    create = partial(create_network, context=context, group=group)
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
    if context.grid.keep.weights == "last":
        trainer = replace(trainer, at_end=lambda: last_weights.append(_serialised(model)))
    training = trainer.fit(model, cell.loss, cell.train.recipes())
    peaks_mib = [memory.mib(), teacher.peak_memory_mib if teacher else None]
    peak_mib = max((peak for peak in peaks_mib if peak is not None), default=None)
    outcome = CellOutcome(
        {},
        training=training,
        teacher=teacher.training if teacher else None,
        peak_memory_mib=peak_mib,
        data_memory_mib=data_memory_mib,
    )
    if cell.trial is not None or group.rank > 0:
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
    shown = PredictionsOf(shown_rows(context), trainer.tasks)
    tables = {places.SCORES: score_test(tasks=trainer.tasks, observe=shown)}
    if context.grid.keep.predictions:
        tables[places.PREDICTIONS] = shown.table(context.loader.dataset.keys)
    if isinstance(model, StudentTeacher):
        tables[places.CONSISTENCY] = score_test(tasks=("depth",), pseudo_label=model.pseudo_label)
    weights = last_weights[0] if last_weights else None
    if context.grid.keep.weights == "best":
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


def trainer_of(cell: Cell, context: RunContext) -> Trainer:
    """Return what all trainings of a cell share, its own and its teacher's."""
    return Trainer(
        context.loaders,
        cell.data.image_size,
        context.split,
        cell.seed,
        context.device,
        memory=PeakMemory(context.device),
        tasks=tuple(task for task in cell.tasks if task in context.loader.dataset.tasks),
        metrics=context.val_metrics,
        cell_id=cell.id,
    )


def create_network(
    architecture: Architecture, seed: int, *, context: RunContext, group: Group = ALONE
) -> nn.Module:
    """Return a network with the initial weights of a seed, as it is trained on the device."""
    model: nn.Module = architectures.create(architecture.name, seed=seed, **architecture.options)
    return group.prepare(place_network(model, context))


def place_network(model: nn.Module, context: RunContext) -> nn.Module:
    """Return a network as it is trained and scored on the device."""
    if context.device.type == "cpu":
        guard_narrow_convolutions(model, context.loaders)
    model.to(device=context.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model
