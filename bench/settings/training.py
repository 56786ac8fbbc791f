"""How a network is trained: budgets, recipes, stages, teachers.

A setting that is given and has no effect beside the others is an error, so that no record states
what was not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from bench.settings.base import Number, OneOrMore, PositiveInt, Settings, is_stored
from bench.settings.budget import Budget
from bench.settings.data import ImageSize
from bench.settings.losses import LossPair
from bench.settings.networks import Architecture, check
from bench.settings.schedule import Schedule

LossSize = Literal["full", "native"]

# What holds where nothing else is given.
MOMENTUM = 0.9
MIN_MICRO_BATCH = 2  # images: BatchNorm needs two
TEACHER_LOSSES = {"depth": "log_l1 + log_gradient + normals_cosine"}


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


def _with_one_epoch(recipe: AnyRecipe) -> AnyRecipe:
    if recipe.epochs is None and recipe.budget is None:
        return recipe
    return recipe.model_copy(update={"epochs": 1, "budget": None})


def _with_steps(recipe: AnyRecipe, steps: int) -> AnyRecipe:
    update: dict[str, Any] = {"epochs": None, "budget": None, "steps": steps}
    if recipe.schedule.name == "one_cycle":
        # So long that it is not over: what it rises to at once may be too much for a network.
        update["schedule"] = recipe.schedule.model_copy(update={"epochs": steps})
    return recipe.model_copy(update=update)


class Teacher(Recipe):
    """A network that is trained on depth first and then frozen, to judge masks by.

    The cell's own network predicts the mask; the depth losses compare what the teacher makes of the
    masked composite with what it makes of the whole one (after Hu et al. 2019,
    https://arxiv.org/abs/1904.03380). All cells of one seed share one teacher.

    Attributes:
        architecture: sees the composite alone and predicts depth.
        weights: a file of its weights (safetensors), in place of training it.
        losses: by default those that Hu et al. 2019 (https://arxiv.org/abs/1803.08673) trained
            their network by, ``log_l1 + log_gradient + normals_cosine``, and never the cell's.
    """

    architecture: Architecture
    weights: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_losses(cls, value: object) -> object:
        if isinstance(value, dict) and value.get("weights") is value.get("losses") is None:
            return value | {"losses": TEACHER_LOSSES}
        return value

    @field_validator("architecture")
    @classmethod
    def _buildable(cls, value: Architecture, info: ValidationInfo) -> Architecture:
        return value if is_stored(info) else check(value)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.has_budget() == (self.weights is not None):
            raise ValueError("needs epochs, steps, a budget or weights, one of them")
        if self.weights is not None:
            for name in sorted(self.given()):
                raise ValueError(f"{name} has no effect beside weights, which are not trained")
        elif self.losses is None or self.losses.depth is None:
            raise ValueError("losses: needs a loss for depth, which a teacher predicts")
        for problem in self.problems(self.given()):
            raise ValueError(problem)
        return self

    @model_serializer(mode="wrap")
    def _only_what_is_used(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if self.weights is None:
            return content
        return {name: content[name] for name in ("architecture", "weights") if name in content}


class Train(Recipe):
    """The budget and the recipe of every cell.

    Attributes:
        stages: recipes one after the other; what a stage leaves open is as outside of the stages.
            Optimizer and schedule start anew with each. The epoch is selected in the last one.
        teacher: a network that is trained on depth first and then frozen, to judge masks by.
    """

    stages: tuple[Recipe, ...] = ()
    teacher: Teacher | None = None

    @property
    def is_timed(self) -> bool:
        """Whether a clock ends a stage or the teacher's training."""
        recipes: list[Recipe] = [*self.recipes(), *([self.teacher] if self.teacher else [])]
        return any(recipe.is_timed for recipe in recipes)

    @property
    def freezes(self) -> bool:
        """Whether a part of some network rests for a while."""
        recipes: list[Recipe] = [*self.recipes(), *([self.teacher] if self.teacher else [])]
        return any(recipe.freeze for recipe in recipes)

    def recipes(self) -> tuple[Recipe, ...]:
        """Return the stages in full; without any, the one recipe.

        What a stage has from outside and does not use is left out of it.
        """
        return tuple(stage.plain() for stage in self._stages_in_full())

    def with_one_epoch(self) -> Train:
        """Return the same with one epoch of every recipe but those that count steps."""
        stages = tuple(_with_one_epoch(stage) for stage in self.stages)
        teacher = self.teacher and _with_one_epoch(self.teacher)
        update = {"stages": stages, "teacher": teacher}
        return _with_one_epoch(self).model_copy(update=update)

    def with_steps(self, steps: int) -> Train:
        """Return the same with so many steps of every recipe, and a one cycle that just begins."""
        stages = tuple(_with_steps(recipe, steps) for recipe in self.recipes())
        teacher = self.teacher
        if teacher is not None and teacher.weights is None:
            teacher = _with_steps(teacher, steps)
        return self.model_copy(update={"stages": stages, "teacher": teacher})

    def _stages_in_full(self) -> list[Recipe]:
        outside = {name: getattr(self, name) for name in Recipe.model_fields}
        return [
            Recipe(**outside | {name: getattr(stage, name) for name in stage.model_fields_set})
            for stage in self.stages or (Recipe(),)
        ]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.losses is not None:
            raise ValueError(
                "losses would take the place of every cell's: give them as the grid's losses, or "
                "to a stage"
            )
        in_full = self._stages_in_full()
        for number, recipe in enumerate(in_full):
            where = f"stages.{number} " if self.stages else ""
            if not recipe.has_budget():
                raise ValueError(f"{where}needs one of epochs, steps and budget, as in epochs: 4")
            for problem in recipe.problems((self.stages[number] if self.stages else self).given()):
                raise ValueError(f"{where}{problem}")
        for name in sorted(self.given()):
            if self.stages and all(
                name in stage.model_fields_set or name in recipe.unused()
                for stage, recipe in zip(self.stages, in_full, strict=True)
            ):
                raise ValueError(
                    f"{name} has no effect outside of the stages: none of them takes it"
                )
        return self

    @field_serializer("stages")
    def _only_what_is_given(self, stages: tuple[Recipe, ...]) -> list[dict[str, Any]]:
        return [stage.model_dump(mode="json", exclude_unset=True) for stage in stages]
