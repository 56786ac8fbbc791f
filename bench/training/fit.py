"""Train one network with one pair of losses on one budget."""

from __future__ import annotations

import copy
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from bench.data import batches
from bench.data.augment import augment
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import SplitRows
from bench.errors import TrainingError
from bench.evaluation import selection
from bench.evaluation.metric import Metric, evaluate
from bench.evaluation.score import score
from bench.randomness import generator, seeded_globals
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.settings.training import LossSize
from bench.study.record import Epoch, Execution, Summary, TermScale, Training
from bench.training.compilation import Compiling
from bench.training.freezing import frozen
from bench.training.multitask_loss import LossValues, MultiTaskLoss
from bench.training.optimizer import create_optimizer, create_schedule
from bench.training.out_of_memory import Limits, MemoryFallback
from bench.training.step import train_step

STEPS_BETWEEN_READINGS = 10  # of the loss: each reading makes the host wait for the device

OnStep = Callable[[int, int, float, float], None]


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
        on_step: called every few steps with step, total steps, loss, and images per second.
        tasks: those that some loss trains: they are validated and select the epoch.
        metrics: of the curve, besides the figures that select the epoch.
        pseudo_label: replaces the truth of a batch, at the size at which the losses compare.
        limits: what has been found not to fit into memory.
    """

    loaders: Mapping[Size, BatchLoader]
    image_size: Size
    split: SplitRows
    seed: int
    device: torch.device
    on_step: OnStep
    tasks: tuple[str, ...]
    metrics: tuple[Metric, ...] = ()
    pseudo_label: Callable[[Batch, LossSize], Batch] | None = None
    limits: Limits = field(default_factory=Limits)

    def fit(self, model: nn.Module, pair: LossPair, recipes: tuple[Recipe, ...]) -> Training:
        """Train ``model`` in place and leave it with the weights of the last stage's best epoch.

        Raises:
            TrainingError: a loss, a prediction or a weight is not finite, or a recipe does not suit
                the network.
        """
        curve: list[Epoch] = []
        terms: list[TermScale] = []
        executions: list[Execution] = []
        steps = [stage_steps(recipe, self.split) for recipe in recipes]
        best_score, best_place = -math.inf, -1
        best_weights: dict[str, torch.Tensor] | None = None  # None: those that the model has
        with seeded_globals(self.seed, "dropout", self.device):
            for number, recipe in enumerate(recipes):
                with frozen(model, recipe.freeze) as resting:
                    stage = _Stage(
                        self,
                        model,
                        pair,
                        recipe,
                        resting,
                        number=number,
                        steps_before=sum(steps[:number]),
                        all_steps=sum(steps),
                    )
                    for epoch in stage.epochs():
                        curve.append(epoch)
                        epoch_score = selection.score(epoch.val)
                        if number == len(recipes) - 1 and epoch_score > best_score:
                            best_score, best_place = epoch_score, len(curve) - 1
                            best_weights = None if stage.over else copy.deepcopy(model.state_dict())
                    terms += stage.term_scales()
                    executions.append(stage.execution())
        if best_weights is not None:
            model.load_state_dict(best_weights)
        _check_finite(model)
        curve[best_place] = curve[best_place].model_copy(update={"selected": True})
        return Training(curve=tuple(curve), terms=tuple(terms), executions=tuple(executions))


class _Stage:
    """The training of a network by one recipe.

    Args:
        trainer: what all stages share.
        model: what learns.
        pair: the losses, where the recipe has none of its own.
        recipe: budget, optimizer and all else.
        resting: its frozen modules, whose BatchNorms rest too.
        number: of the stage, from 0.
        steps_before, all_steps: of the stages before this one and of all stages, for progress.
    """

    def __init__(
        self,
        trainer: Trainer,
        model: nn.Module,
        pair: LossPair,
        recipe: Recipe,
        resting: list[nn.Module],
        *,
        number: int,
        steps_before: int,
        all_steps: int,
    ) -> None:
        self.trainer, self.model, self.recipe, self.number = trainer, model, recipe, number
        self.steps_before, self.all_steps = steps_before, all_steps
        self.loader = trainer.loaders[recipe.image_size or trainer.image_size]
        self.resting = resting
        self.objectives = MultiTaskLoss(recipe.losses or pair, size=recipe.loss_size).to(
            trainer.device
        )
        self.optimizer = create_optimizer(nn.ModuleList([model, self.objectives]), recipe)
        self.steps_per_epoch = batches.batches_per_epoch(trainer.split.train, recipe.batch_size)
        self.total_steps = stage_steps(recipe, trainer.split)
        self.schedule = create_schedule(
            self.optimizer, recipe, self.total_steps, self.steps_per_epoch
        )
        self.order = generator(trainer.seed, f"order {number}")
        self.variation = generator(trainer.seed, f"augmentation {number}")
        self.fallback = MemoryFallback(
            model, self.loader.dataset.size, recipe.batch_size, trainer.limits
        )
        self.compiling = Compiling(model, self.objectives, recipe, trainer.device, self.total_steps)
        self.train_s = self.data_wait_s = 0.0
        self.step = 0
        self.first: LossValues | None = None
        self.last: LossValues | None = None

    def epochs(self) -> Iterator[Epoch]:
        """Train and validate, epoch by epoch, to the end of the budget."""
        while not self.over:
            started, waited_s = time.perf_counter(), self.loader.waited_s
            losses = self._train_epoch()
            train_s = time.perf_counter() - started
            self.train_s += train_s
            self.data_wait_s += self.loader.waited_s - waited_s
            yield Epoch(
                stage=self.number,
                step=self.step,
                losses={task: statistics.fmean(row[task] for row in losses) for task in losses[0]},
                val=self._validate(),
                train_s=train_s,
            )

    def _validate(self) -> Summary:
        """Return the figures on the validation images that select the epoch, and the trainer's."""
        trainer = self.trainer
        metrics = {metric.name: metric for metric in (*selection.METRICS, *trainer.metrics)}
        scores = score(
            self.model,
            trainer.loaders[trainer.image_size],
            trainer.split.val,
            batch_size=self.recipe.batch_size,
            precision=self.recipe.precision,
            tasks=trainer.tasks,
            columns={column for metric in metrics.values() for column in metric.reads},
            subset="val",
        )
        val = evaluate(scores, metrics.values()).summary
        for metric in selection.METRICS:
            if metric.is_readable(scores) and metric.name not in val:
                raise TrainingError(
                    f"no epoch can be selected: {metric.contract.label} has no value on any of the "
                    f"{len(scores)} val images"
                )
        return val

    def _train_epoch(self) -> list[dict[str, float]]:
        """Train on every batch once, or on as many as the budget has left.

        Returns:
            The tasks' losses of each step.
        """
        self.model.train()
        for module in self.resting:
            module.eval()
        started, images = time.perf_counter(), 0
        unread: list[LossValues] = []
        read: list[dict[str, float]] = []
        last_step = min(self.step + self.steps_per_epoch, self.total_steps)
        order = batches.shuffled(self.trainer.split.train, self.recipe.batch_size, self.order)
        for batch in self.loader.iterate(itertools.islice(order, last_step - self.step)):
            unread.append(self._train_step(batch))
            images += len(batch.mask)
            if self.step == last_step or self.step % STEPS_BETWEEN_READINGS == 0:
                read += _read(unread, first_step=self.step - len(unread) + 1)
                unread.clear()
                self.trainer.on_step(
                    self.steps_before + self.step,
                    self.all_steps,
                    sum(read[-1].values()),
                    images / (time.perf_counter() - started),
                )
        return read

    def _train_step(self, batch: Batch) -> LossValues:
        if self.fallback.plan.none:
            self.compiling.before_step(self.step, batch)
        network = self.compiling.network
        batch = augment(
            batch,
            flip=self.recipe.flip,
            color_jitter=self.recipe.color_jitter,
            generator=self.variation,
        )
        if self.trainer.pseudo_label is not None:
            batch = self.trainer.pseudo_label(batch, self.recipe.loss_size)
        self.last = self.fallback.run(
            lambda plan: train_step(
                network if plan.none else self.model,
                self.objectives,
                self.optimizer,
                batch,
                self.recipe,
                device=self.trainer.device,
                accumulation_steps=plan.accumulation_steps,
            )
        )
        self.first = self.first or self.last
        self.step += 1
        if self.step < self.total_steps:
            self.schedule.step()
        return self.last

    @property
    def over(self) -> bool:
        """Whether the budget is used up."""
        return self.step >= self.total_steps

    def execution(self) -> Execution:
        """Return how the stage was carried out, once it is over."""
        return Execution(
            data_location=self.loader.location,
            data_wait_share=self.data_wait_s / max(self.train_s, 1e-9),
            accumulation_steps=self.fallback.plan.accumulation_steps,
            checkpointing=self.fallback.plan.checkpointing,
            compiled=self.fallback.plan.none and self.compiling.network is not self.model,
            compilation=self.compiling.reason,
        )

    def term_scales(self) -> list[TermScale]:
        """Return the value of each term of the losses on the first and the last batch."""
        if self.first is None or self.last is None:
            return []
        return [
            TermScale(
                stage=self.number,
                task=task,
                term=text,
                start=value.item(),
                end=self.last.terms[task][text].item(),
            )
            for task, values in self.first.terms.items()
            for text, value in values.items()
        ]


def stage_steps(recipe: Recipe, split: SplitRows) -> int:
    """Return how many updates of the weights a recipe asks for."""
    per_epoch = batches.batches_per_epoch(split.train, recipe.batch_size)
    return recipe.steps or (recipe.epochs or 0) * per_epoch


def _check_finite(model: nn.Module) -> None:
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise TrainingError(f"the weight {name} is not finite at the end of training")


def _read(steps: list[LossValues], *, first_step: int) -> list[dict[str, float]]:
    """Return the tasks' losses of some steps, brought to the host at once.

    Raises:
        TrainingError: one is not finite.
    """
    tasks = list(steps[0].tasks)
    values = torch.stack([found.tasks[task] for found in steps for task in tasks])
    read = [dict(zip(tasks, row, strict=True)) for row in values.view(-1, len(tasks)).tolist()]
    for step, row in enumerate(read, first_step):
        for task, value in row.items():
            if not math.isfinite(value):
                raise TrainingError(f"the {task} loss became {value} at step {step}")
    return read
