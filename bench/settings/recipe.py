"""How a network is trained for a while.

A setting that is given and has no effect beside the others is an error, so that no record states
what was not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from bench.settings.base import Number, OneOrMore, PositiveInt, Settings
from bench.settings.budget import Budget
from bench.settings.data import ImageSize
from bench.settings.losses import LossPair
from bench.settings.schedule import Schedule

LossSize = Literal["full", "native"]

# What holds where nothing else is given.
MOMENTUM = 0.9
MIN_MICRO_BATCH = 2  # images: BatchNorm needs two


class Recipe(Settings):
    """How a network is trained for a while.

    Attributes:
        epochs, steps, budget: how long: one of epochs, steps and a budget of another unit.
        image_size: (height, width) in pixels, or one number for both; by default the data's.
        batch_size: images in a step.
        accumulate: micro-batches into which each batch is divided; their gradients add up, and
            BatchNorm sees them one by one. A batch that does not fit into memory is divided anyway.
        losses: by default the cell's.
        freeze: parts of the network that do not learn, by the names of its modules, with
            wildcards: ``trunk``, ``branches.*``. The statistics of their BatchNorms rest too.
        optimizer: Adam, SGD, or AdamW (Loshchilov and Hutter 2019,
            https://arxiv.org/abs/1711.05101).
        learning_rate: the highest that the schedule comes to.
        weight_decay: of the optimizer.
        schedule: how the learning rate moves over a stage, by its name or with settings.
        gradient_clip: the largest norm of all gradients together; null: they are not clipped.
        flip: whether half of the training images, at random, are mirrored left to right.
        color_jitter: how far brightness (added) and contrast and saturation (factors around 1) of
            the training images vary at random; 0: not at all.
        momentum, nesterov: of SGD; by default 0.9 and no. One cycle moves the momentum itself.
        precision: mixed bf16; or float32; or float32 of which a CUDA device multiplies 10 bits of
            the fraction, ``tf32``.
        compile: by `torch.compile`; ``auto`` tries on a CUDA device whether that, or CUDA graphs
            besides, pays. A batch that does not fit into memory is trained on without.
        loss_size: at which size the losses compare: ``full``, that of the images, or ``native``,
            that of the network's last layer, with the targets brought down to it. Figures are
            taken at full size in any case.
    """

    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    budget: Budget | None = None
    image_size: ImageSize | None = None
    batch_size: PositiveInt = 16
    accumulate: PositiveInt = 1
    losses: LossPair | None = None
    freeze: Annotated[tuple[str, ...], OneOrMore] = ()
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: Number = Field(1e-3, gt=0)
    weight_decay: Number = Field(1e-2, ge=0)
    momentum: Number | None = Field(None, ge=0, lt=1)
    nesterov: bool = False
    schedule: Schedule = Schedule()
    gradient_clip: Number | None = Field(1.0, gt=0)
    flip: bool = True
    color_jitter: Number = Field(0.1, ge=0, lt=1)
    precision: Literal["bf16", "tf32", "float32"] = "bf16"
    compile: Literal["auto", "on", "off"] = "auto"
    loss_size: LossSize = "full"

    @property
    def sgd_momentum(self) -> float:
        """The momentum that SGD starts with."""
        if self.schedule.max_momentum is not None:
            return self.schedule.max_momentum
        return MOMENTUM if self.momentum is None else self.momentum

    @property
    def is_timed(self) -> bool:
        """Whether a clock ends the training, so that no two runs are the same."""
        return self.budget is not None and self.budget.seconds is not None

    def plain(self) -> Recipe:
        """Return the recipe alone, without what a subclass adds and without what has no effect."""
        content = {name: getattr(self, name) for name in Recipe.model_fields}
        unused = {name: Recipe.model_fields[name].default for name in self.unused()}
        return Recipe(**content | {"momentum": self.sgd_momentum} | unused)

    def unused(self) -> dict[str, str]:
        """Return the settings that have no effect beside the others, each with the reason."""
        if self.optimizer != "sgd":
            reason = f"with {self.optimizer}; leave it out, or take optimizer: sgd"
            return {"momentum": reason, "nesterov": reason}
        if self.schedule.name == "one_cycle":
            reason = (
                "in one_cycle, which moves it between base_momentum and max_momentum: give these"
            )
            return {"momentum": reason}
        return {}

    def given(self) -> set[str]:
        """Return the names of the settings that are not at their defaults."""
        fields = Recipe.model_fields
        return {name for name in fields if getattr(self, name) != fields[name].default}

    def has_budget(self) -> bool:
        """Return whether exactly one of epochs, steps and budget is given."""
        return [self.epochs, self.steps, self.budget].count(None) == 2  # noqa: PLR2004 - of three

    def problems(self, given: set[str]) -> Iterator[str]:
        """Give what does not go together, one line each.

        Args:
            given: the names of the settings that were not inherited; others may be unused.
        """
        for name, reason in self.unused().items():
            if name in given:
                yield f"{name} has no effect {reason}"
        if self.accumulate > 1 and self.batch_size < MIN_MICRO_BATCH * self.accumulate:
            yield (
                f"accumulate: {self.accumulate} micro-batches of a batch of {self.batch_size} hold "
                f"fewer than {MIN_MICRO_BATCH} images each, which BatchNorm needs; give at most "
                f"{max(1, self.batch_size // MIN_MICRO_BATCH)}"
            )
        if self.nesterov and self.sgd_momentum == 0:
            yield "nesterov needs a momentum above 0"
        cycle = self.schedule.epochs
        if cycle is not None and self.epochs is not None and cycle < self.epochs:
            yield (
                f"schedule.epochs: a cycle of {cycle} epochs is shorter than the {self.epochs} "
                "epochs of training; give as many or more"
            )
        if cycle is not None and self.is_timed:
            yield "schedule.epochs: has no meaning in a budget of seconds; leave it out"

    def problems_on(self, devices: int) -> Iterator[str]:
        """Give what keeps so many devices from training by the recipe together, one line each."""
        parts = self.accumulate * devices
        if devices > 1 and self.batch_size < MIN_MICRO_BATCH * parts:
            yield (
                f"a batch of {self.batch_size} in {parts} parts has fewer than {MIN_MICRO_BATCH} "
                f"images in each, which BatchNorm needs; give at most "
                f"{max(1, self.batch_size // (MIN_MICRO_BATCH * self.accumulate))}"
            )
        if devices > 1 and self.compile == "on":
            yield "compile: on is for one device; take auto or off, or devices_per_cell: 1"


AnyRecipe = TypeVar("AnyRecipe", bound=Recipe)


def in_one_epoch(recipe: AnyRecipe) -> AnyRecipe:
    """Return a recipe with one epoch, or with its steps where it counts these."""
    if recipe.epochs is None and recipe.budget is None:
        return recipe
    return recipe.model_copy(update={"epochs": 1, "budget": None})


def in_steps(recipe: AnyRecipe, steps: int) -> AnyRecipe:
    """Return a recipe with so many steps, and a one cycle that just begins."""
    update: dict[str, Any] = {"epochs": None, "budget": None, "steps": steps}
    if recipe.schedule.name == "one_cycle":
        # So long that it is not over: what it rises to at once may be too much for a network.
        update["schedule"] = recipe.schedule.model_copy(update={"epochs": steps})
    return recipe.model_copy(update=update)
