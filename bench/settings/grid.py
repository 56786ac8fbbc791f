"""What is asked: architectures crossed with losses and seeds into cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
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
from bench.settings.base import OneOrMore, PositiveInt, Seed, Settings, is_stored, require_distinct
from bench.settings.cell import BASELINES, TASKS, Cell
from bench.settings.data import Data
from bench.settings.keep import Keep
from bench.settings.limits import Limits
from bench.settings.losses import LossPair, check_told_apart
from bench.settings.networks import Architecture, check
from bench.settings.training import Train
from bench.settings.tuning import MIN_TRIALS, Tune

MAX_NETWORKS = 2000  # that patterns of names may stand for: one decoder of smp with all encoders
MAX_TRAININGS = 10_000


def _as_seeds(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        many = f", or {list(range(value))} for {value} seeds" if 1 < value <= 10 else ""  # noqa: PLR2004 - shown whole
        raise ValueError(f"write [{value}] for the seed {value} alone{many}")
    return value


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
        require_distinct(value)
        return value

    @field_validator("data")
    @classmethod
    def _archives_distinct(cls, value: Data, info: ValidationInfo) -> Data:
        """Before any is opened, which takes some milliseconds each."""
        if is_stored(info):
            return value
        try:
            require_distinct(value.archive)
            for source in value.sources():
                require_distinct(source.files)
        except ValueError as error:
            raise ValueError(f"archive: {error}") from None
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
        for recipe in self.train.recipes_with_teacher():
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
        recipes = self.train.recipes_with_teacher()
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
