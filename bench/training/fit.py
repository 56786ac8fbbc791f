"""Train one network with one pair of losses, stage by stage."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import SplitRows
from bench.errors import TrainingError
from bench.evaluation import selection
from bench.evaluation.metric import Metric
from bench.events import EpochDone, Listener, silent
from bench.machine.memory import PeakMemory
from bench.machine.precision import number_format
from bench.randomness import seeded_globals
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.settings.training import LossSize
from bench.study.record import Epoch, Execution, TermScale, Training
from bench.training import flops
from bench.training.duration import Duration
from bench.training.freezing import frozen
from bench.training.stage import Stage


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

    def fit(self, model: nn.Module, pair: LossPair, recipes: tuple[Recipe, ...]) -> Training:
        """Train ``model`` in place and leave it with the weights of the last stage's best epoch.

        Raises:
            TrainingError: a loss, a prediction or a weight is not finite, or a recipe does not suit
                the network.
        """
        curve: list[Epoch] = []
        terms: list[TermScale] = []
        executions: list[Execution] = []
        durations = [
            Duration.of(recipe, self.split, partial(flops.of_step, self, model, pair, recipe))
            for recipe in recipes
        ]
        steps = samples_seen = operations = 0
        precedents = dict(enumerate(self.precedents))
        best_score, best_place = -math.inf, -1
        best_weights: dict[str, torch.Tensor] | None = None  # None: those that the model has
        with seeded_globals(self.seed, "dropout", self.device):
            for number, recipe in enumerate(recipes):
                with frozen(model, recipe.freeze) as resting, number_format(recipe.precision):
                    stage = Stage(
                        self,
                        model,
                        pair,
                        recipe,
                        resting,
                        number=number,
                        durations=durations[number:],
                        steps_before=steps,
                        precedent=precedents.get(number),
                    )
                    epochs_before = len(curve)
                    for epoch in stage.epochs():
                        curve.append(epoch)
                        self.listen(
                            EpochDone(
                                self.cell_id,
                                epoch,
                                number=len(curve),
                                total=epochs_before + stage.expected_epochs(),
                                teacher=self.teacher,
                            )
                        )
                        epoch_score = selection.score(epoch.val)
                        if number == len(recipes) - 1 and epoch_score > best_score:
                            best_score, best_place = epoch_score, len(curve) - 1
                            best_weights = None if stage.over else copy.deepcopy(model.state_dict())
                    terms += stage.term_scales()
                    executions.append(stage.execution())
                    steps += stage.step
                    samples_seen += stage.samples_seen
                    operations += stage.step * (stage.duration.flops_per_step or 0)
        if best_weights is not None:
            model.load_state_dict(best_weights)
        _check_finite(model)
        curve[best_place] = curve[best_place].model_copy(update={"selected": True})
        return Training(
            curve=tuple(curve),
            terms=tuple(terms),
            executions=tuple(executions),
            samples_seen=samples_seen,
            flops=operations or None,
        )


def _check_finite(model: nn.Module) -> None:
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise TrainingError(f"the weight {name} is not finite at the end of training")
