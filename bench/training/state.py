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
from bench.training.network_state import (
    learning_of,
    load_tensors,
    set_learning,
    shapes_of,
    tensors_of,
)
from bench.training.progress import Progress
from bench.training.stage_outcome import execution_of, term_scales
from bench.training.stage_state import load_stage, state_of

if TYPE_CHECKING:
    from bench.training.stage import Stage

Tensors = dict[str, torch.Tensor]


class TrainingState:
    """The state of one training; it may be taken up from a checkpoint.

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
        self._shapes = shapes_of(model)
        self._kept: dict[str, Any] | None = None  # until the stage goes on from it
        self._went_on: tuple[Stage, int] | None = None  # which one, and from which step

    def take_up(self, kept: dict[str, Any]) -> None:
        """Go on from what there is in a checkpoint.

        Whatever it raises, here or until `is_doubtful` is over, the checkpoint is not good.
        """
        self._kept = kept
        self.progress = Progress.model_validate(kept["progress"])
        self._best_weights = kept["best_weights"]
        if (self._best_weights is None) != (self.progress.best_score is None):
            raise ValueError("there are weights of no epoch, or none of the best one")
        if self._best_weights is not None:
            self._model.load_state_dict(self._best_weights)  # tells whether they fit
        load_tensors(self._model, kept["model"])

    def begin(self) -> None:
        """Note which parameters learn before a stage freezes some, or bring that back."""
        if self._kept is not None:
            set_learning(self._model, self._kept["learning before"])
        self._learning_before = learning_of(self._model)

    def go_on(self, stage: Stage) -> None:
        """Bring a stage, and the random numbers, to where the checkpoint left them, if it did."""
        if self._kept is not None:
            load_stage(stage, self._kept["stage"])
            set_learning(self._model, self._kept["learning"])
            set_random_state(self._kept["random"][self._group.rank], self._device)
            self._memory.count_at_least(self.progress.peak_memory_mib)
            self._kept, self._went_on = None, (stage, stage.step)

    @property
    def is_doubtful(self) -> bool:
        """Whether no step has been made yet from what was kept."""
        if self._went_on is None:
            return True
        stage, first = self._went_on
        return stage.step == first

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
        if shapes_of(self._model) != self._shapes:
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
                    "model": tensors_of(self._model),
                    "learning": learning_of(self._model),
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
        progress.terms += term_scales(stage)
        progress.executions.append(execution_of(stage))
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
