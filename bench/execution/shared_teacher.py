"""The teacher that all cells of a seed share: the first trains it, the others read its weights.

It is kept among the study's checkpoints, since each cell has a process of its own, until the grid
is done. The cell that has trained it reads it back as the others do, so that all have the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import safetensors.torch
from pydantic import BaseModel
from safetensors import SafetensorError
from torch import nn

from bench.errors import TrainingError
from bench.execution.checkpoints import checkpoints_of, identity_of
from bench.execution.context import RunContext
from bench.files import atomic_folder
from bench.settings import Architecture, Teacher, Train
from bench.settings.cell import Cell
from bench.study import checksums
from bench.study.record import Training
from bench.training.fit import Trainer
from bench.training.teacher import TrainedTeacher

TEACHER = "teacher"  # how its folders' names begin
WEIGHTS_FILE, TRAINING_FILE = "weights.safetensors", "training.json"


class _Kept(BaseModel):
    training: Training
    peak_memory_mib: float | None


def shared_teacher(
    cell: Cell,
    trainer: Trainer,
    create: Callable[[Architecture, int], nn.Module],
    context: RunContext,
    must_stop: Callable[[], bool],
) -> TrainedTeacher:
    """Return the teacher with its weights from a file, or trained on the true depth.

    Args:
        cell: whose teacher.
        trainer: as the cell's own network is trained; its count of memory starts here.
        create: builds a network from a seed, on the device.
        context: with the folder in which it is kept.
        must_stop: tells whether the training has been asked to stop.

    Raises:
        TrainingError: its training fails, or a file of weights does not suit it.
    """
    teacher = cell.train.teacher
    if teacher is None:
        raise ValueError("the cell has no teacher")
    if teacher.losses is None:
        network = create(teacher.architecture, trainer.seed)
        if teacher.weights is not None:
            _load(network, Path(teacher.weights).expanduser())
        return TrainedTeacher(network)
    alone = _as_cell(teacher, cell)
    place = context.folder / f"{TEACHER}-{identity_of(alone, context)[:16]}"
    group = trainer.group
    if group.first(lambda: checksums.problem(place) is not None):
        checkpoints = checkpoints_of(
            alone,
            f"{TEACHER}-{alone.id}",
            context,
            must_stop=must_stop,
            listen=trainer.listen,
        )
        trainer = replace(trainer, tasks=("depth",), teacher=True, checkpoints=checkpoints)
        network = create(teacher.architecture, trainer.seed)
        kept = _train(teacher, trainer, network)
        group.first(lambda: _write(network, kept, place))
        if group.rank == 0:
            checkpoints.remove()
    network = create(teacher.architecture, trainer.seed)
    _load(network, place / WEIGHTS_FILE)
    kept = _Kept.model_validate_json((place / TRAINING_FILE).read_bytes())
    return TrainedTeacher(network, kept.training, kept.peak_memory_mib)


def _train(teacher: Teacher, trainer: Trainer, network: nn.Module) -> _Kept:
    if teacher.losses is None:
        raise ValueError("the weights of this teacher are given")
    training = trainer.fit(network, teacher.losses, (teacher.plain(),))
    return _Kept(training=training, peak_memory_mib=trainer.memory.mib())


def _write(network: nn.Module, kept: _Kept, place: Path) -> None:
    """Keep a teacher; another process may have done so meanwhile, alike."""
    with atomic_folder(place) as partial:
        safetensors.torch.save_model(network, str(partial / WEIGHTS_FILE))
        (partial / TRAINING_FILE).write_text(kept.model_dump_json(), encoding="utf-8")
        checksums.write(partial)


def _as_cell(teacher: Teacher, cell: Cell) -> Cell:
    """The teacher as a cell of its own, which has the same settings, data and code behind it."""
    recipe = teacher.plain()
    train = Train.model_construct(recipe.model_fields_set, **vars(recipe))
    alone = {"architecture": teacher.architecture, "loss": teacher.losses, "train": train}
    return cell.model_copy(update={**alone, "tuning": None, "trial": None})


def _load(network: nn.Module, path: Path) -> None:
    try:
        safetensors.torch.load_model(network, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"teacher: {path}: {error}") from None
