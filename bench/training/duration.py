"""How long a recipe trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Self

from bench.data import batches
from bench.data.split import SplitRows
from bench.settings import Recipe

PLACES = 1000  # of the learning rate on its course, where a clock moves it


class Duration(NamedTuple):
    """How long a recipe trains: for so many steps, or for so many seconds.

    Attributes:
        steps_per_epoch: updates of the weights in one epoch.
        steps: in all; None where a clock ends the training.
        seconds: of training; None where steps are counted.
        flops_per_step: of the network; None where nothing asks for it.
    """

    steps_per_epoch: int
    steps: int | None = None
    seconds: float | None = None
    flops_per_step: int | None = None

    @classmethod
    def of(cls, recipe: Recipe, split: SplitRows, count_flops: Callable[[], int]) -> Self:
        """Return what a recipe asks for.

        Args:
            recipe: with epochs, steps or a budget.
            split: with the training images.
            count_flops: tells how many operations one step of the network takes.
        """
        per_epoch = batches.batches_per_epoch(split.train, recipe.batch_size)
        budget = recipe.budget
        if budget is None:
            return cls(per_epoch, recipe.steps or (recipe.epochs or 0) * per_epoch)
        if budget.seconds is not None:
            return cls(per_epoch, seconds=budget.seconds)
        if budget.samples is not None:
            batch_size = min(recipe.batch_size, len(split.train))
            return cls(per_epoch, math.ceil(budget.samples / batch_size))
        flops_per_step = count_flops()
        steps = math.ceil((budget.flops or 0) / flops_per_step)
        return cls(per_epoch, steps, flops_per_step=flops_per_step)

    def is_over(self, step: int, train_s: float) -> bool:
        """Return whether so many steps, which took so many seconds, are all."""
        return step >= self.steps if self.steps is not None else train_s >= (self.seconds or 0)

    @property
    def has_one_epoch(self) -> bool:
        """Whether it is surely over before a second epoch begins."""
        return self.steps is not None and self.steps <= self.steps_per_epoch

    @property
    def places(self) -> int:
        """How many places there are on the course of the learning rate: one a step, if counted."""
        return PLACES if self.steps is None else self.steps

    def place(self, step: int, train_s: float) -> int:
        """Return where on its course the learning rate is after so many steps and seconds."""
        return step if self.seconds is None else int(PLACES * train_s / self.seconds)

    def expected_steps(self, step_s: float) -> int:
        """Return how many steps there will be if each takes so long."""
        return max(1, round((self.seconds or 0) / step_s)) if self.steps is None else self.steps

    def expected_s(self, step_s: float) -> float:
        """Return how long the training will take if each step takes so long."""
        return step_s * self.steps if self.steps is not None else self.seconds or 0
