"""One experiment: what is trained, on what, how, from which seed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from bench.settings import identity
from bench.settings.base import PositiveInt, Settings
from bench.settings.data import Data
from bench.settings.losses import LossPair
from bench.settings.networks import Architecture
from bench.settings.training import Train
from bench.settings.tuning import Tune

# The trivial baselines, and the kinds of images that each needs.
BASELINES: dict[str, frozenset[str]] = {
    "empty mask": frozenset({"mask"}),
    "full mask": frozenset({"mask"}),
    "difference": frozenset({"mask", "background"}),
    "mean depth": frozenset({"depth"}),
    "pixel mean depth": frozenset({"depth"}),
}
TASKS = ("mask", "depth")


class Cell(Settings):
    """One experiment: what is trained, on what, how, from which seed.

    A cell without a loss is a trivial baseline: its architecture's name is one of `BASELINES`, and
    nothing is trained.

    Attributes:
        train: the recipe; of a tuned cell, with what the search has found.
        tuning: the search for the recipe, where there was one.
        trial: of a trial of that search, its number from 0; a trial is scored on the validation
            images alone.
        devices: that train it together; see `Grid`.
    """

    architecture: Architecture
    loss: LossPair | None
    seed: int
    data: Data
    train: Train
    tuning: Tune | None = None
    trial: int | None = None
    devices: PositiveInt = 1

    @cached_property
    def id(self) -> str:
        """The hash of the settings without any path, see `bench.settings.identity`.

        That of a trial has its number in place of what it tries.
        """
        content = {**self.row, "seed": self.seed, **self._setting(self.loss)}
        if self.trial is not None:
            content["trial"] = self.trial
        elif self.tuning is not None:
            content["found"] = self.found
        return identity.digest(content)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with some settings changed, whose id is its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied

    @property
    def found(self) -> dict[str, Any]:
        """What the search has found, by the setting's name; nothing where there was none."""
        return self.tuning.found_in(self.train) if self.tuning else {}

    @property
    def found_label(self) -> str:
        """The same in words."""
        return ", ".join(f"{name} {value:g}" for name, value in self.found.items())

    def trials(self) -> list[Cell]:
        """Return the trials of the search for the cell's recipe; what they try is not in them."""
        if self.tuning is None:
            return []
        seed = self.tuning.seed
        return [
            self.model_copy(update={"seed": seed, "trial": number})
            for number in range(self.tuning.trials)
        ]

    @property
    def row(self) -> dict[str, Any]:
        """What tells the rows of one leaderboard apart: the network and the loss."""
        return {
            "architecture": identity.of_architecture(self.architecture),
            "loss": None if self.loss is None else identity.of_loss(self.loss),
        }

    @property
    def setting(self) -> dict[str, Any]:
        """What all rows of one leaderboard share: the data, the budget, and the search."""
        return self._setting(None)

    def _setting(self, loss: LossPair | None) -> dict[str, Any]:
        """Data, budget, search; a stage's losses are left out where they are ``loss``."""
        content: dict[str, Any] = {"data": identity.of_data(self.data)}
        if self.loss is None:
            return content
        train = self.train
        if self.tuning is not None:
            train = self.tuning.before(train)
            content["tuning"] = self.tuning.model_dump(mode="json", exclude_none=True)
        recipes = train.recipes()
        content["train"] = [identity.of_recipe(recipe, self.data, loss) for recipe in recipes]
        if self.train.teacher is not None:
            content["teacher"] = identity.of_teacher(self.train.teacher, self.data)
        if self.devices > 1:
            content["devices"] = self.devices
        return content

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that some loss of the cell trains, which alone are scored.

        A teacher's depth losses train the mask that it looks through.
        """
        if self.loss is None:
            return tuple(task for task in TASKS if task in BASELINES[self.architecture.name])
        pairs = [recipe.losses or self.loss for recipe in self.train.recipes()]
        trained = {task for pair in pairs for task in TASKS if getattr(pair, task) is not None}
        if self.train.teacher is not None:
            trained.add("mask")
        return tuple(task for task in TASKS if task in trained)

    @property
    def label(self) -> str:
        """The cell in a line, for progress and messages."""
        if self.loss is None:
            return self.architecture.label
        text = f"{self.architecture.label} · {self.loss.label} · seed {self.seed}"
        if self.tuning is None or self.trial is None:
            return text
        return f"{text} · trial {self.trial + 1} of {self.tuning.trials}"
