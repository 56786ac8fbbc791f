"""Train a network by one recipe."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from bench.data import batches
from bench.data.augment import augment
from bench.data.batches import Batch
from bench.events import StepDone
from bench.machine.precision import autocast
from bench.randomness import generator
from bench.settings import LossPair, Recipe
from bench.study.record import Epoch, Execution
from bench.training.compilation import Compiling
from bench.training.duration import Duration
from bench.training.multitask_loss import LossValues, MultiTaskLoss, read_losses
from bench.training.optimizer import create_optimizer, create_schedule
from bench.training.out_of_memory import MemoryFallback, StepPlan, micro_batches
from bench.training.progress import EpochProgress
from bench.training.replica import NetworkWithLosses
from bench.training.step import train_step
from bench.training.step_plans import step_plans
from bench.training.validation import validate

if TYPE_CHECKING:
    from bench.training.fit import Trainer
    from bench.training.state import TrainingState

Terms = dict[str, dict[str, torch.Tensor]]  # of each task, the value of each term of its loss
STEPS_BETWEEN_READINGS = 10  # of the loss: each reading makes the host wait for the device


class Stage:
    """The training of a network by one recipe.

    Args:
        trainer: what all stages share.
        model: what learns.
        pair: the losses, where the recipe has none of its own.
        recipe: optimizer and all else.
        resting: its frozen modules, whose BatchNorms rest too.
        number: of the stage, from 0.
        durations: of this stage and of those that follow it.
        training: what the stages before it have come to; it is kept after a step when it is due.
        precedent: how the same stage was carried out earlier, if it was.
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
        durations: Sequence[Duration],
        training: TrainingState,
        precedent: Execution | None,
    ) -> None:
        self.trainer, self.model, self.recipe, self.number = trainer, model, recipe, number
        self.training = training
        self.durations, self.duration = durations, durations[0]
        self.steps_before = training.progress.steps
        self.epochs_before = sum(epoch.stage < number for epoch in training.progress.curve)
        self.loader = trainer.loaders[recipe.image_size or trainer.image_size]
        self.batch_size = min(recipe.batch_size, len(trainer.split.train))  # over all processes
        self.resting = resting
        self.objectives = MultiTaskLoss(recipe.losses or pair, size=recipe.loss_size).to(
            trainer.device
        )
        self.optimizer = create_optimizer(nn.ModuleList([model, self.objectives]), recipe)
        self.schedule = create_schedule(
            self.optimizer, recipe, self.duration.places, self.duration.steps_per_epoch
        )
        self.order = generator(trainer.seed, f"order {number}")
        self.variation = generator(trainer.seed, f"augmentation {number}")
        self.asked = StepPlan(recipe.accumulate)
        self.fallback = MemoryFallback(
            step_plans(
                self.asked,
                self.batch_size,
                trainer.group.size,
                precedent=precedent,
                at_least=trainer.at_least,
                falls_back=trainer.falls_back,
            ),
            model,
            self.optimizer,
            trainer.device,
            trainer.memory,
        )
        self.replica = trainer.group.replica(
            NetworkWithLosses(model, self.objectives, trainer.device, recipe.precision),
            self.batch_size,
        )
        self.compiling = Compiling(
            model,
            self.objectives,
            recipe,
            trainer.device,
            duration=self.duration,
            memory=trainer.memory,
            precedent=precedent,
            devices=trainer.group.size,
        )
        self.started = 0.0  # when, had it trained without a break
        self.train_s = self.data_wait_s = 0.0
        self.step = self.samples_seen = 0
        self.epoch: EpochProgress | None = None
        self.order_before = self.order.get_state()  # the epoch that is not over
        self.first: Terms | None = None
        self.last: Terms | None = None

    @property
    def over(self) -> bool:
        """Whether the duration is over."""
        return self.duration.is_over(self.step, self.train_s)

    def save_if_due(self) -> None:
        """Keep what the training has come to, if it is time for that."""
        if self._must_save():
            self.training.save(self)

    def _must_save(self) -> bool:
        return not self.over and not self.compiling.undecided and self.training.is_due()

    def expected_steps(self) -> list[int]:
        """Return the steps of this stage and of each that follows, as far as its pace tells."""
        step_s = self.train_s / self.step
        here, *later = (duration.expected_steps(step_s) for duration in self.durations)
        return [max(self.step, here), *later]

    def expected_epochs(self) -> int:
        """Return the epochs of these stages together; the last one of each may be cut short."""
        of_stages = zip(self.expected_steps(), self.durations, strict=True)
        return sum(math.ceil(steps / duration.steps_per_epoch) for steps, duration in of_stages)

    def epochs(self) -> Iterator[Epoch]:
        """Train and validate, epoch by epoch, to the end of the duration."""
        while not self.over:
            if self.epoch is None:
                self.epoch = EpochProgress(first_step=self.step, before_s=self.train_s)
                self.order_before = self.order.get_state()
            losses, before_s = self.epoch.losses, self.epoch.before_s
            self._train_epoch(self.epoch)
            self.epoch = None
            with self.trainer.memory.ignoring():
                val = self.trainer.group.first(
                    lambda: validate(self.model, self.trainer, self.recipe)
                )
            yield Epoch(
                stage=self.number,
                step=self.step,
                losses={task: statistics.fmean(row[task] for row in losses) for task in losses[0]},
                val=val,
                train_s=self.train_s - before_s,
            )

    def _train_epoch(self, epoch: EpochProgress) -> None:
        """Train on every batch once, or on as many as the duration, or an earlier run, has left."""
        self.model.train()
        for module in self.resting:
            module.eval()
        began, images = time.perf_counter(), 0
        self.started, waited_s = began - self.train_s, self.loader.waited_s
        unread: list[LossValues] = []
        last_step = epoch.first_step + self.duration.steps_per_epoch
        if self.duration.steps is not None:
            last_step = min(last_step, self.duration.steps)
        order = batches.shuffled(self.trainer.split.train, self.recipe.batch_size, self.order)
        left = itertools.islice(order, self.step - epoch.first_step, last_step - epoch.first_step)
        places = self.trainer.group.places
        for batch in self.loader.iterate(rows[places] for rows in left):
            unread.append(self._train_step(batch))
            images += self.batch_size
            self.data_wait_s += self.loader.waited_s - waited_s
            waited_s = self.loader.waited_s
            is_last = self.over or self.step == last_step
            must_save = not is_last and self._must_save()
            if is_last or must_save or self.step % STEPS_BETWEEN_READINGS == 0:
                losses, minimised = read_losses(unread, first_step=self.step - len(unread) + 1)
                epoch.losses += losses
                unread.clear()
                self.trainer.listen(
                    StepDone(
                        self.trainer.cell_id,
                        step=self.steps_before + self.step,
                        total=self.steps_before + sum(self.expected_steps()),
                        loss=minimised,
                        images_per_s=images / (time.perf_counter() - began),
                        teacher=self.trainer.teacher,
                    )
                )
            if must_save:
                paused = time.perf_counter()
                self.training.save(self)
                self.started += time.perf_counter() - paused
            if self.over:
                break
        self.train_s = self._elapsed_s()

    def _elapsed_s(self) -> float:
        elapsed_s = time.perf_counter() - self.started
        if self.duration.seconds is None:
            return elapsed_s
        return self.trainer.group.first(lambda: elapsed_s)  # which ends the training of all

    def _train_step(self, batch: Batch) -> LossValues:
        if self.fallback.plan == self.asked:
            self.compiling.before_step(self.step, batch)
        network = self.compiling.network
        batch = augment(
            batch,
            flip=self.recipe.flip,
            color_jitter=self.recipe.color_jitter,
            generator=self.variation,
            places=self.trainer.group.places,
            total=self.batch_size,
        )
        found = self.fallback.run(
            lambda plan: train_step(
                network if plan == self.asked else self.model,
                self.objectives,
                self.optimizer,
                self._labelled(batch, plan),
                self.recipe,
                device=self.trainer.device,
                accumulation_steps=plan.accumulation_steps,
                replica=self.replica,
            )
        )
        self.last = found.terms
        self.first = self.first or self.last
        self.step += 1
        self.samples_seen += self.batch_size
        self.train_s = self._elapsed_s()
        place = self.duration.place(self.step, self.train_s)
        while not self.over and self.schedule.last_epoch < place:
            self.schedule.step()
        return found

    def _labelled(self, batch: Batch, plan: StepPlan) -> Batch:
        """The batch with the truth that it is compared with, which may be a teacher's."""
        label = self.trainer.pseudo_label
        if label is None:
            return batch
        with autocast(self.trainer.device, self.recipe.precision):
            parts = [
                label(part, self.recipe.loss_size)
                for part, _ in micro_batches(batch, plan.accumulation_steps)
            ]
        # A teacher sees depth everywhere.
        return batch._replace(depth=torch.cat([part.depth for part in parts]), depth_valid=None)
