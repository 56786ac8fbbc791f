"""All that a training changes until it is over, besides what its stage does: a value to go on from.

The state of a stage is its own (`bench.training.stage_state`).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from bench.errors import DivergedError
from bench.evaluation import selection
from bench.machine.memory import PeakMemory
from bench.randomness import random_state, set_random_state
from bench.study.record import Epoch, Training
from bench.training.checkpoint import Checkpoints
from bench.training.distributed import Group
from bench.training.progress import Progress
from bench.training.stage_state import load_stage, state_of

if TYPE_CHECKING:
    from bench.training.stage import Stage

Tensors = dict[str, torch.Tensor]


class TrainingState:
    """The state of one training; at first that of its checkpoint, if there is one.

    Args:
        model: what learns.
        device: that computes.
        memory: counts what the training takes.
        checkpoints: where the state is kept; None: nowhere.
        group: the processes that train together: the first one keeps the state of all.

    Attributes:
        progress: in plain numbers.
    """

    def __init__(
        self,
        model: nn.Module,
        device: torch.device,
        memory: PeakMemory,
        checkpoints: Checkpoints | None,
        group: Group,
    ) -> None:
        self.progress = Progress()
        self._model, self._device, self._memory = model, device, memory
        self._checkpoints, self._group = checkpoints, group
        self._best_weights: Tensors | None = None  # None: those that the model has
        self._shapes = _shapes(model)
        self._kept = checkpoints.read(device) if checkpoints else None
        if not all(group.each(self._kept is not None)):
            self._kept = None
        if self._kept is not None:
            self.progress = Progress.model_validate(self._kept["progress"])
            self._best_weights = self._kept["best_weights"]
            _load(model, self._kept["model"])
            memory.count_at_least(self.progress.peak_memory_mib)

    def begin(self) -> None:
        """Note which parameters learn before a stage freezes some, or bring that back."""
        if self._kept is not None:
            _set_learning(self._model, self._kept["learning before"])
        self._learning_before = _learning(self._model)

    def go_on(self, stage: Stage) -> None:
        """Bring a stage, and the random numbers, to where the checkpoint left them, if it did."""
        if self._kept is not None:
            load_stage(stage, self._kept["stage"])
            _set_learning(self._model, self._kept["learning"])
            set_random_state(self._kept["random"][self._group.rank], self._device)
            self._kept = None

    def is_due(self) -> bool:
        """Return whether the state is to be kept now."""
        checkpoints = self._checkpoints
        return checkpoints is not None and self._group.first(checkpoints.is_due)

    def save(self, stage: Stage) -> None:
        """Keep the state.

        Raises:
            Interrupted: the training has been asked to stop.
        """
        if self._checkpoints is None:
            return
        if _shapes(self._model) != self._shapes:
            # A new network could not take them.
            self._checkpoints.give_up(
                "the network has more than tensors, or others than when it was built"
            )
            return
        random = self._group.each(random_state(self._device))
        if self._group.rank > 0:
            return
        with self._memory.ignoring():
            self.progress.peak_memory_mib = self._memory.mib()
            self._checkpoints.write(
                {
                    "progress": self.progress.model_dump(mode="json"),
                    "stage": state_of(stage),
                    "model": _tensors(self._model),
                    "learning": _learning(self._model),
                    "learning before": self._learning_before,
                    "best_weights": self._best_weights,
                    "random": random,
                }
            )

    def add(self, epoch: Epoch, *, selectable: bool, is_last: bool) -> None:
        """Add an epoch to the curve.

        Args:
            epoch: its entry.
            selectable: whether its weights may be the training's result.
            is_last: whether nothing changes them afterwards.
        """
        progress, score = self.progress, selection.score(epoch.val)
        progress.curve.append(epoch)
        if selectable and (progress.best_score is None or score > progress.best_score):
            progress.best_score, progress.best_place = score, len(progress.curve) - 1
            self._best_weights = None if is_last else copy.deepcopy(self._model.state_dict())

    def end(self, stage: Stage) -> None:
        """Add what a stage has come to that is over."""
        progress = self.progress
        progress.terms += stage.term_scales()
        progress.executions.append(stage.execution())
        progress.steps += stage.step
        progress.samples_seen += stage.samples_seen
        progress.flops += stage.step * (stage.duration.flops_per_step or 0)
        progress.stage += 1

    def result(self) -> Training:
        """Return what is known of the training, and leave the network with its best weights.

        Raises:
            DivergedError: one of them is not finite.
        """
        if self._best_weights is not None:
            self._model.load_state_dict(self._best_weights)
        for name, weight in self._model.named_parameters():
            if not weight.isfinite().all():
                raise DivergedError(f"the weight {name} is not finite at the end of training")
        progress, place = self.progress, self.progress.best_place
        curve = list(progress.curve)
        curve[place] = curve[place].model_copy(update={"selected": True})
        return Training(
            curve=tuple(curve),
            terms=tuple(progress.terms),
            executions=tuple(progress.executions),
            samples_seen=progress.samples_seen,
            flops=progress.flops or None,
        )


def _tensors(model: nn.Module) -> dict[str, Any]:
    """All of a network that training may change, buffers that no file of weights has too."""
    return {**dict(model.named_buffers()), **model.state_dict()}


def _learning(model: nn.Module) -> list[bool]:
    return [parameter.requires_grad for parameter in model.parameters()]


def _set_learning(model: nn.Module, learning: list[bool]) -> None:
    for parameter, learns in zip(model.parameters(), learning, strict=True):
        parameter.requires_grad_(learns)


def _shapes(model: nn.Module) -> dict[str, Any]:
    """What tells the tensors of two networks apart; what is no tensor is like nothing else."""
    return {
        name: (value.shape, value.dtype) if isinstance(value, torch.Tensor) else object()
        for name, value in _tensors(model).items()
    }


def _load(model: nn.Module, tensors: Tensors) -> None:
    persistent = model.state_dict().keys()
    model.load_state_dict({name: tensors[name] for name in persistent})
    for name, buffer in model.named_buffers():
        if name not in persistent:
            buffer.copy_(tensors[name])
