"""How long a recipe trains."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from bench.data import batches
from bench.data.split import SplitRows
from bench.settings import Recipe


class Budget(NamedTuple):
    """How long a recipe trains.

    Attributes:
        steps: updates of the weights.
        steps_per_epoch: of these.
    """

    steps: int
    steps_per_epoch: int

    @property
    def epochs(self) -> int:
        """How many there are, the last of which may be cut short."""
        return math.ceil(self.steps / self.steps_per_epoch)

    @classmethod
    def of(cls, recipe: Recipe, split: SplitRows) -> Self:
        """Return what a recipe asks for."""
        per_epoch = batches.batches_per_epoch(split.train, recipe.batch_size)
        return cls(recipe.steps or (recipe.epochs or 0) * per_epoch, per_epoch)
