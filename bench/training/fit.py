"""Train one network with one pair of objectives on one budget."""

from __future__ import annotations

import copy
import functools
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

import torch
from torch import nn

from bench.data import batches
from bench.data.augment import augment
from bench.data.batch_loader import BatchLoader
from bench.data.batches import Batch
from bench.data.split import SplitRows
from bench.errors import TrainingError
from bench.evaluation import metrics, score
from bench.machine.precision import autocast
from bench.randomness import generator, seeded_globals
from bench.settings import LossPair, Recipe
from bench.settings.base import Size
from bench.study.record import Epoch, Execution, TermScale
from bench.training.compilation import Compiling
from bench.training.multitask_loss import LossValues, MultiTaskLoss
from bench.training.optimizer import create_optimizer, create_schedule
from bench.training.out_of_memory import Limits, MemoryFallback, micro_batches

STEPS_BETWEEN_READINGS = 10  # of the loss: each reading makes the host wait for the device

OnStep = Callable[[int, int, float, float], None]
Relabel = Callable[[Batch], Batch]


class TrainingResult(NamedTuple):
    """What is known of a training when it is over.

    Attributes:
        curve: one entry an epoch; the selected one is marked.
        terms: of each term of the losses, its weighted value at the start and end of each stage.
        executions: one entry a stage.
    """

    curve: tuple[Epoch, ...]
    terms: tuple[TermScale, ...]
    executions: tuple[Execution, ...] = ()


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
        pseudo_label: what stands in for the truth of a batch, if anything does.
        limits: what has been found not to fit into memory.
    """

    loaders: Mapping[Size, BatchLoader]
    image_size: Size
    split: SplitRows
    seed: int
    device: torch.device
    on_step: OnStep
    pseudo_label: Relabel | None = None
    limits: Limits = field(default_factory=Limits)

    def fit(self, model: nn.Module, pair: LossPair, recipes: tuple[Recipe, ...]) -> TrainingResult:
        """Train ``model`` in place and leave it with the weights of the last stage's best epoch.

        Raises:
            TrainingError: the loss is no longer a finite number, or a recipe does not suit the
                network.
        """
        curve: list[Epoch] = []
        terms: list[TermScale] = []
        executions: list[Execution] = []
        steps = [stage_steps(recipe, self.split) for recipe in recipes]
        best_score, best_place = -math.inf, -1
        best_weights: dict[str, torch.Tensor] | None = None  # None: those that the model has
        with seeded_globals(self.seed, "dropout", self.device):
            for number, recipe in enumerate(recipes):
                with _frozen(model, recipe.freeze) as frozen:
                    stage = _Stage(
                        self,
                        model,
                        pair,
                        recipe,
                        frozen,
                        number=number,
                        steps_before=sum(steps[:number]),
                        all_steps=sum(steps),
                    )
                    for epoch in stage.epochs():
                        curve.append(epoch)
                        score = epoch.val.selection_score
                        if number == len(recipes) - 1 and score > best_score:
                            best_score, best_place = score, len(curve) - 1
                            best_weights = None if stage.over else copy.deepcopy(model.state_dict())
                    terms += stage.term_scales()
                    executions.append(stage.execution())
        if best_place < 0:
            raise TrainingError("no epoch had a finite score on validation")
        if best_weights is not None:
            model.load_state_dict(best_weights)
        curve[best_place] = curve[best_place].model_copy(update={"selected": True})
        return TrainingResult(tuple(curve), tuple(terms), tuple(executions))


class _Stage:
    """One recipe at work on a network.

    Args:
        trainer: what all stages share.
        model: what learns, but for what the recipe freezes.
        pair: the losses, where the recipe has none of its own.
        recipe: how.
        frozen: parts of the network that rest, their BatchNorms too.
        number: the stage's, from 0.
        steps_before, all_steps: of the stages before this one, and of all, for progress.
    """

    def __init__(
        self,
        trainer: Trainer,
        model: nn.Module,
        pair: LossPair,
        recipe: Recipe,
        frozen: list[nn.Module],
        *,
        number: int,
        steps_before: int,
        all_steps: int,
    ) -> None:
        self.trainer, self.model, self.recipe, self.number = trainer, model, recipe, number
        self.steps_before, self.all_steps = steps_before, all_steps
        self.loader = trainer.loaders[recipe.image_size or trainer.image_size]
        self.frozen = frozen
        self.objectives = MultiTaskLoss(recipe.losses or pair).to(trainer.device)
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
            scores = score.score(
                self.model,
                self.trainer.loaders[self.trainer.image_size],
                self.trainer.split.val,
                batch_size=self.recipe.batch_size,
                precision=self.recipe.precision,
            )
            yield Epoch(
                stage=self.number,
                step=self.step,
                losses={task: statistics.fmean(row[task] for row in losses) for task in losses[0]},
                val=metrics.summarise(scores),
                train_s=train_s,
            )

    def _train_epoch(self) -> list[dict[str, float]]:
        """Every batch once, or as many as the budget has left; the tasks' losses of each step."""
        self.model.train()
        for module in self.frozen:
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
            batch = self.trainer.pseudo_label(batch)
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
        """How it was done, once it is."""
        return Execution(
            data_kept=self.loader.location,
            data_wait_share=self.data_wait_s / max(self.train_s, 1e-9),
            accumulation_steps=self.fallback.plan.accumulation_steps,
            checkpointing=self.fallback.plan.checkpointing,
            compiled=self.fallback.plan.none and self.compiling.network is not self.model,
            compilation=self.compiling.reason,
        )

    def term_scales(self) -> list[TermScale]:
        """What each term of the losses was worth on the first and the last batch."""
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
    """How many updates of the weights a recipe asks for."""
    per_epoch = batches.batches_per_epoch(split.train, recipe.batch_size)
    return recipe.steps or (recipe.epochs or 0) * per_epoch


def train_step(
    model: nn.Module,
    objectives: MultiTaskLoss,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    recipe: Recipe,
    *,
    device: torch.device,
    accumulation_steps: int = 1,
) -> LossValues:
    """One update of the weights; returns the losses, still on the device.

    The gradients of the micro-batches add up to the whole batch's.
    """
    optimizer.zero_grad(set_to_none=True)
    losses = []
    for part, share in micro_batches(batch, accumulation_steps):
        with autocast(device, recipe.precision):
            prediction = model(part.background, part.composite)
        found: LossValues = objectives(prediction, part)
        if not found.total.requires_grad:
            raise TrainingError("nothing to learn: the losses reach no parameter that learns")
        torch.autograd.backward(found.total * share)
        losses.append(found.detached().scaled(share))
    if recipe.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
    optimizer.step()
    return functools.reduce(LossValues.plus, losses)


@contextmanager
def _frozen(model: nn.Module, patterns: tuple[str, ...]) -> Iterator[list[nn.Module]]:
    """Inside the block the modules whose names fit the patterns do not learn; yields them."""
    frozen = []
    for pattern in patterns:
        fitting = [module for name, module in model.named_modules() if fnmatchcase(name, pattern)]
        if not fitting:
            parts = ", ".join(name for name, _ in model.named_children())
            raise TrainingError(f"freeze: the network has no part {pattern!r} (parts: {parts})")
        frozen += fitting
    learning = [p for module in frozen for p in module.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(requires_grad=False)
        yield frozen
    finally:
        for parameter in learning:
            parameter.requires_grad_(requires_grad=True)


def _read(steps: list[LossValues], *, first_step: int) -> list[dict[str, float]]:
    """Bring the tasks' losses of some steps to the host at once and check them."""
    tasks = list(steps[0].tasks)
    values = torch.stack([found.tasks[task] for found in steps for task in tasks])
    read = [dict(zip(tasks, row, strict=True)) for row in values.view(-1, len(tasks)).tolist()]
    for step, row in enumerate(read, first_step):
        for task, value in row.items():
            if not math.isfinite(value):
                raise TrainingError(f"the {task} loss became {value} at step {step}")
    return read
