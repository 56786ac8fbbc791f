"""The teacher that all cells of a seed share: the first trains it, the others read its weights.

It is kept in a folder of the run, since each cell has a process of its own. The cell that has
trained it reads it back as the others do, so that all of them have the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import safetensors.torch
from pydantic import BaseModel
from safetensors import SafetensorError
from torch import nn

from bench.errors import TrainingError
from bench.files import atomic_folder
from bench.settings import Architecture, Teacher
from bench.study.record import Training
from bench.training.fit import Trainer
from bench.training.teacher import TrainedTeacher

WEIGHTS_FILE, TRAINING_FILE = "weights.safetensors", "training.json"


class _Kept(BaseModel):
    training: Training
    peak_memory_mib: float | None


def shared_teacher(
    teacher: Teacher,
    trainer: Trainer,
    create: Callable[[Architecture, int], nn.Module],
    folder: Path,
) -> TrainedTeacher:
    """Return the teacher with its weights from a file, or trained on the true depth.

    Args:
        teacher: which, and how it is trained.
        trainer: as the cell's own network is trained; its count of memory starts here.
        create: builds a network from a seed, on the device.
        folder: of the run.

    Raises:
        TrainingError: its training fails, or a file of weights does not suit it.
    """
    if teacher.losses is None:
        network = create(teacher.architecture, trainer.seed)
        if teacher.weights is not None:
            _load(network, Path(teacher.weights).expanduser())
        return TrainedTeacher(network)
    key = hashlib.sha256(f"{trainer.seed} {teacher.model_dump_json()}".encode()).hexdigest()[:16]
    place = folder / f"teacher-{key}"
    if not place.is_dir():
        _train(teacher, trainer, create(teacher.architecture, trainer.seed), place)
    network = create(teacher.architecture, trainer.seed)
    _load(network, place / WEIGHTS_FILE)
    kept = _Kept.model_validate_json((place / TRAINING_FILE).read_bytes())
    return TrainedTeacher(network, kept.training, kept.peak_memory_mib)


def _train(teacher: Teacher, trainer: Trainer, network: nn.Module, place: Path) -> None:
    """Train the teacher and keep it; another process may have done so meanwhile, alike."""
    if teacher.losses is None:
        raise ValueError("the weights of this teacher are given")
    of_teacher = replace(trainer, tasks=("depth",), teacher=True)
    training = of_teacher.fit(network, teacher.losses, (teacher.plain(),))
    kept = _Kept(training=training, peak_memory_mib=trainer.memory.mib())
    with atomic_folder(place) as partial:
        safetensors.torch.save_model(network, str(partial / WEIGHTS_FILE))
        (partial / TRAINING_FILE).write_text(kept.model_dump_json(), encoding="utf-8")


def _load(network: nn.Module, path: Path) -> None:
    try:
        safetensors.torch.load_model(network, path)
    except (OSError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"teacher: {path}: {error}") from None
