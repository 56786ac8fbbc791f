"""What is asked: architectures crossed with losses and seeds into cells."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

import architectures as architecture_registry
from bench.settings import identity
from bench.settings.base import OneOrMore, PositiveInt, Seed, Settings, is_stored
from bench.settings.data import Data
from bench.settings.keep import Keep
from bench.settings.limits import Limits
from bench.settings.losses import LossPair, check_told_apart
from bench.settings.networks import Architecture, check
from bench.settings.training import Train
from bench.settings.tuning import MIN_TRIALS, Tune

# The trivial baselines, and the kinds of images that each needs.
BASELINES: dict[str, frozenset[str]] = {
    "empty mask": frozenset({"mask"}),
    "full mask": frozenset({"mask"}),
    "difference": frozenset({"mask", "background"}),
    "mean depth": frozenset({"depth"}),
    "pixel mean depth": frozenset({"depth"}),
}
TASKS = ("mask", "depth")
MAX_NETWORKS = 2000  # that patterns of names may stand for: one decoder of smp with all encoders
MAX_TRAININGS = 10_000


def _as_seeds(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        many = f", or {list(range(value))} for {value} seeds" if 1 < value <= 10 else ""  # noqa: PLR2004 - shown whole
        raise ValueError(f"write [{value}] for the seed {value} alone{many}")
    return value


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


class Grid(Settings):
    """Architectures crossed with losses and seeds, on one dataset with one budget.

    Attributes:
        architectures: networks by name, with options; ``*`` and ``?`` stand for all names that fit.
            `bench list architectures` shows what there is.
        losses: expressions as ``bce + 0.5*ssim``, for both tasks or one for each.
            `bench list losses` shows what there is.
        seeds: of the initial weights, the order of the images, their variation and dropout; each
            architecture is trained with each loss once a seed.
        data: the samples, their size and their split.
        train: how long each network trains, and how.
        tune: how a recipe of its own is found for each architecture with each loss; null: `train`
            is that of all.
        metrics: that the leaderboard shows, the first of each task to sort by. `bench list
            metrics` shows what there is.
        limits: what a cell may use of the machine.
        keep: what the study keeps besides the figures.
        devices_per_cell: CUDA devices, or processes on the CPU, that train a cell together: each
            has its share of every batch. A figure differs by the order of sums, so that more than
            one is part of a cell's identity.
    """

    architectures: Annotated[tuple[Architecture, ...], OneOrMore] = Field(min_length=1)
    losses: Annotated[tuple[LossPair, ...], OneOrMore] = Field(min_length=1)
    seeds: Annotated[tuple[Seed, ...], BeforeValidator(_as_seeds)] = Field((0,), min_length=1)
    data: Data
    train: Train
    tune: Tune | None = None
    metrics: Annotated[tuple[str, ...], OneOrMore] = Field(("iou", "rmse"), min_length=1)
    limits: Limits = Limits()
    keep: Keep = Keep()
    devices_per_cell: PositiveInt = 1

    @field_validator("architectures")
    @classmethod
    def _expanded_and_buildable(
        cls, value: tuple[Architecture, ...], info: ValidationInfo
    ) -> tuple[Architecture, ...]:
        if is_stored(info):
            return value
        found = [
            architecture.model_copy(update={"name": name})
            for architecture in value
            for name in architecture_registry.expand(architecture.name)
        ]
        if len(found) > MAX_NETWORKS:
            raise ValueError(f"{len(found):,} networks; a grid has at most {MAX_NETWORKS:,}")
        return tuple(check(architecture) for architecture in found)

    @field_validator("architectures", "losses", "seeds", "metrics")
    @classmethod
    def _distinct(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        seen = set()
        for entry in value:
            content = entry.model_dump(mode="json") if isinstance(entry, Settings) else entry
            # By their text: to Python 1, 1.0 and True are the same.
            text = json.dumps(content, sort_keys=True)
            if text in seen:
                raise ValueError(f"{getattr(entry, 'label', entry)} is listed twice")
            seen.add(text)
        return value

    @model_validator(mode="after")
    def _of_some_size(self) -> Self:
        a_row = len(self.seeds) + (self.tune.trials if self.tune else 0)
        trainings = len(self.architectures) * len(self.losses) * a_row
        if trainings > MAX_TRAININGS:
            raise ValueError(
                f"asks for {trainings:,} trainings; a grid has at most {MAX_TRAININGS:,}"
            )
        return self

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        seen: dict[str, Architecture] = {}
        for architecture in self.architectures:
            known = seen.setdefault(
                identity.digest(identity.of_architecture(architecture)), architecture
            )
            if known != architecture:
                raise ValueError(
                    f"architectures: {known.label} and {architecture.label} differ in the folders "
                    "of their files only; give one of the files another name"
                )
        check_told_apart(self._loss_pairs())
        return self

    @model_validator(mode="after")
    def _losses_make_a_difference(self) -> Self:
        if len(self.losses) > 1 and all(recipe.losses for recipe in self.train.recipes()):
            raise ValueError(
                "losses: every stage has losses of its own, so that these make no difference; give "
                "one, or leave a stage without"
            )
        return self

    @model_validator(mode="after")
    def _tunable(self, info: ValidationInfo) -> Self:
        if self.tune is not None and not is_stored(info):
            for problem in self.tune.problems(self.train):
                raise ValueError(f"tune: {problem}")
        return self

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        teacher = self.train.teacher
        for recipe in [*self.train.recipes(), *([teacher] if teacher else [])]:
            for problem in recipe.problems_on(self.devices_per_cell):
                raise ValueError(f"devices_per_cell: {problem}")
        return self

    def smoke_test(self, samples: int) -> Grid:
        """Return the grid on so many samples, each stage of one epoch: to see that it runs."""
        data = self.data.model_copy(update={"limit": samples})
        tune = self.tune and self.tune.model_copy(update={"trials": MIN_TRIALS})
        train = self.train.with_one_epoch()
        return self.model_copy(update={"data": data, "train": train, "tune": tune})

    def kinds(self) -> frozenset[str]:
        """Return the kinds of images that some cell cannot do without."""
        kinds = {"composite", *self.tasks()}
        if any(a.options.get("inputs") != "composite" for a in self.architectures):
            kinds.add("background")
        return frozenset(kinds)

    def tasks(self) -> frozenset[str]:
        """Return the tasks whose truth some loss compares with."""
        return frozenset(t for pair in self._loss_pairs() for t in TASKS if getattr(pair, t))

    def _loss_pairs(self) -> list[LossPair]:
        """Those of the cells, of stages, and of the teacher."""
        recipes = [*self.train.recipes(), *([self.train.teacher] if self.train.teacher else [])]
        return [recipe.losses for recipe in recipes if recipe.losses] + list(self.losses)

    def cells(self) -> Iterator[Cell]:
        """Give all that a leaderboard of this grid shows when it is done, in the order of work.

        The trivial baselines come first. Of the cross product, seeds vary slowest, so that an early
        stop leaves a whole table. The cells of a tuned grid have the recipe before the search; see
        `bench.study.results.Results.cells`.
        """
        for name, kinds in BASELINES.items():
            if kinds <= self.kinds():
                yield self._cell(Architecture(name=name), None, 0)
        for seed, architecture, loss in itertools.product(
            self.seeds, self.architectures, self.losses
        ):
            yield self._cell(architecture, loss, seed)

    def trials(self) -> Iterator[Cell]:
        """Give the trials of a tuned grid, row by row."""
        for architecture, loss in itertools.product(self.architectures, self.losses):
            yield from self._cell(architecture, loss, self.seeds[0]).trials()

    @property
    def tuning(self) -> Tune | None:
        """The search with the seed of its trials."""
        if self.tune is None or self.tune.seed is not None:
            return self.tune
        return self.tune.model_copy(update={"seed": self.seeds[0]})

    def _cell(self, architecture: Architecture, loss: LossPair | None, seed: int) -> Cell:
        return Cell(
            architecture=architecture,
            loss=loss,
            seed=seed,
            data=self.data,
            train=self.train,
            tuning=None if loss is None else self.tuning,
            devices=1 if loss is None else self.devices_per_cell,
        )
