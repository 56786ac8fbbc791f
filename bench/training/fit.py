"""Train one network with one pair of losses, stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import SplitRows
from bench.evaluation.metric import Metric
from bench.events import EpochDone, Listener, silent
from bench.machine.failure import is_out_of_memory
from bench.machine.memory import PeakMemory
from bench.machine.precision import number_format
from bench.randomness import seeded_globals
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.settings.recipe import LossSize
from bench.study.record import Execution, Training
from bench.training import flops
from bench.training.checkpoint import Checkpoints
from bench.training.distributed import ALONE, Group
from bench.training.duration import Duration
from bench.training.freezing import frozen
from bench.training.network_state import NetworkState
from bench.training.out_of_memory import UNDIVIDED, StepPlan
from bench.training.stage import Stage
from bench.training.state import TrainingState


@dataclass(frozen=True)
class Trainer:
    """What all stages of one training share.

    Attributes:
        loaders: the samples at every size that a recipe asks for.
        image_size: (height, width) at which the network is validated.
        split: ``train`` is learned from, ``val`` selects the epoch, ``test`` is not touched.
        seed: of the order of the samples, their variation, and any dropout. Every network trained
            with one seed sees the same batches in the same order, varied alike.
        device: where to compute; the network is there already.
        memory: counts what the training takes; made before the network.
        tasks: those that some loss trains: they are validated and select the epoch.
        metrics: of the curve, besides the figures that select the epoch.
        pseudo_label: replaces the truth of a batch, at the size at which the losses compare.
        cell_id: whose training it is; and teacher: whether it is that of the cell's teacher.
        listen: told every few steps and after every epoch.
        precedents: how the stages of an earlier training of such a network by the same recipes were
            carried out. How it fits into memory and its compiled form are taken over.
        falls_back: whether a batch that does not fit into memory is divided.
        at_least: how far batches are divided in any case, for want of memory in an earlier attempt.
        group: the processes that train together, of which this is one.
        checkpoints: keeps where the training stands, and has it from an earlier run.
        at_end: called when the last step is made, before the model has its best weights back.
    """

    loaders: Mapping[Size, BatchLoader]
    image_size: Size
    split: SplitRows
    seed: int
    device: torch.device
    memory: PeakMemory
    tasks: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()
    pseudo_label: Callable[[Batch, LossSize], Batch] | None = None
    cell_id: str = ""
    teacher: bool = False
    listen: Listener = silent
    precedents: tuple[Execution, ...] = ()
    falls_back: bool = True
    at_least: StepPlan = UNDIVIDED
    group: Group = ALONE
    checkpoints: Checkpoints | None = None
    at_end: Callable[[], None] | None = None

    def fit(self, model: nn.Module, pair: LossPair, recipes: tuple[Recipe, ...]) -> Training:
        """Train ``model`` in place and leave it with the weights of the last stage's best epoch.

        Raises:
            TrainingError: a loss, a prediction or a weight is not finite, or a recipe does not suit
                the network.
            Interrupted: it has been asked to stop.
        """
        durations = [
            Duration.of(recipe, self.split, partial(flops.of_step, self, model, pair, recipe))
            for recipe in recipes
        ]
        train = partial(self._train, model, pair, recipes, durations)
        state = TrainingState(model, self.device, self.memory, self.checkpoints, self.group)
        kept = self._read_checkpoint()
        if self.checkpoints is None or kept is None:
            return train(state)
        untrained = NetworkState(model)
        try:
            state.take_up(kept)
            return train(state)
        except Exception as error:
            # The other processes of a group may wait for this one, and cannot start anew with it.
            if not state.is_doubtful or self.group.size > 1 or is_out_of_memory(error):
                raise
            self.checkpoints.refuse(error)
        untrained.restore()
        return train(TrainingState(model, self.device, self.memory, self.checkpoints, self.group))

    def _read_checkpoint(self) -> dict[str, Any] | None:
        """What was kept; None if there is none, or not for every process of the group."""
        kept = self.checkpoints.read(self.device) if self.checkpoints else None
        return kept if all(self.group.each(kept is not None)) else None

    def _train(
        self,
        model: nn.Module,
        pair: LossPair,
        recipes: tuple[Recipe, ...],
        durations: list[Duration],
        state: TrainingState,
    ) -> Training:
        """Train from where the state stands."""
        precedents = dict(enumerate(self.precedents))
        purpose = f"dropout {self.group.rank}" if self.group.rank else "dropout"
        with seeded_globals(self.seed, purpose, self.device):
            for number in range(state.progress.stage, len(recipes)):
                recipe = recipes[number]
                state.begin()
                with frozen(model, recipe.freeze) as resting, number_format(recipe.precision):
                    stage = Stage(
                        self,
                        model,
                        pair,
                        recipe,
                        resting,
                        number=number,
                        durations=durations[number:],
                        training=state,
                        precedent=precedents.get(number),
                    )
                    state.go_on(stage)
                    for epoch in stage.epochs():
                        is_last_stage = number == len(recipes) - 1
                        state.add(epoch, selectable=is_last_stage, is_last=stage.over)
                        self.listen(
                            EpochDone(
                                self.cell_id,
                                epoch,
                                number=len(state.progress.curve),
                                total=stage.epochs_before + stage.expected_epochs(),
                                teacher=self.teacher,
                            )
                        )
                        stage.save_if_due()
                    state.end(stage)
        if self.at_end is not None:
            self.at_end()
        return state.result()
