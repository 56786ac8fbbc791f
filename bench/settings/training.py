"""How a network is trained: budgets, recipes, stages, teachers.

A setting that is given and has no effect beside the others is an error, so that no record states
what was not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

from pydantic import (
    Field,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)

from bench.settings.base import Settings, is_stored
from bench.settings.data import ImageSize
from bench.settings.losses import LossPair
from bench.settings.networks import Architecture, check

LossSize = Literal["full", "native"]

# What holds where nothing else is given.
ONE_CYCLE = {
    "pct_start": 0.3,
    "anneal_strategy": "cos",
    "div_factor": 25.0,
    "final_div_factor": 1e4,
    "base_momentum": 0.85,
    "max_momentum": 0.95,
}
MOMENTUM = 0.9
MIN_MICRO_BATCH = 2  # images: BatchNorm needs two
TEACHER_LOSSES = {"depth": "log_l1 + log_gradient + normals_cosine"}


class Schedule(Settings):
    """How the learning rate moves over a stage, step by step.

    Attributes:
        name: ``one_cycle`` (Smith and Topin 2018, https://arxiv.org/abs/1708.07120), ``cosine`` to
            zero, or ``constant``. All that follows belongs to ``one_cycle``.
        epochs: the length of the cycle, by default the stage's. A longer cycle is cut off.
        pct_start: the share of the cycle in which the rate rises, by default 0.3.
        anneal_strategy: along a cosine (the default) or a line.
        div_factor: the rate starts at the recipe's divided by this, by default 25.
        final_div_factor: it ends at its first value divided by this, by default 10,000.
        base_momentum, max_momentum: SGD's momentum, or Adam's first beta, falls from the second to
            the first while the rate rises, and comes back; by default 0.85 and 0.95.
    """

    name: Literal["one_cycle", "cosine", "constant"] = "one_cycle"
    epochs: PositiveInt | None = None
    pct_start: float | None = Field(None, gt=0, lt=1)
    anneal_strategy: Literal["cos", "linear"] | None = None
    div_factor: float | None = Field(None, ge=1)
    final_div_factor: float | None = Field(None, ge=1)
    base_momentum: float | None = Field(None, ge=0, lt=1)
    max_momentum: float | None = Field(None, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"name": value}
        if isinstance(value, dict) and value.get("name", "one_cycle") == "one_cycle":
            return ONE_CYCLE | {key: given for key, given in value.items() if given is not None}
        return value

    @model_validator(mode="after")
    def _only_one_cycle_has_settings(self) -> Self:
        for name in ("epochs", *ONE_CYCLE):
            if self.name != "one_cycle" and getattr(self, name) is not None:
                raise ValueError(f"{name} has no effect: it belongs to one_cycle, not {self.name}")
        return self


class Recipe(Settings):
    """How a network is trained for a while.

    Attributes:
        epochs, steps: the budget, one of the two.
        image_size: (height, width); by default the data's.
        accumulate: micro-batches into which each batch is divided; their gradients add up, and
            BatchNorm sees them one by one. A batch that does not fit into memory is divided anyway.
        losses: by default the cell's.
        freeze: parts of the network that do not learn, by the names of its modules, with
            wildcards: ``trunk``, ``branches.*``. The statistics of their BatchNorms rest too.
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
    image_size: ImageSize | None = None
    batch_size: PositiveInt = 16
    accumulate: PositiveInt = 1
    losses: LossPair | None = None
    freeze: tuple[str, ...] = ()
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    momentum: float | None = Field(None, ge=0, lt=1)
    nesterov: bool = False
    schedule: Schedule = Schedule()
    gradient_clip: float | None = Field(1.0, gt=0)
    flip: bool = True
    color_jitter: float = Field(0.1, ge=0, lt=1)
    precision: Literal["bf16", "tf32", "float32"] = "bf16"
    compile: Literal["auto", "on", "off"] = "auto"
    loss_size: LossSize = "full"

    @property
    def sgd_momentum(self) -> float:
        """The momentum that SGD starts with."""
        if self.schedule.max_momentum is not None:
            return self.schedule.max_momentum
        return MOMENTUM if self.momentum is None else self.momentum

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
        """Return whether exactly one of epochs and steps is given."""
        return (self.epochs is None) != (self.steps is None)

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
            raise ValueError("needs epochs, steps or weights, one of them")
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
        teacher: see `Teacher`.
    """

    stages: tuple[Recipe, ...] = ()
    teacher: Teacher | None = None

    def recipes(self) -> tuple[Recipe, ...]:
        """Return the stages in full; without any, the one recipe.

        What a stage has from outside and does not use is left out of it.
        """
        return tuple(stage.plain() for stage in self._stages_in_full())

    def with_one_epoch(self) -> Train:
        """Return the same with one epoch wherever epochs are counted; a budget of steps stays."""
        return self.model_copy(
            update={
                "epochs": self.epochs and 1,
                "stages": tuple(
                    stage.model_copy(update={"epochs": 1}) if stage.epochs else stage
                    for stage in self.stages
                ),
                "teacher": self.teacher
                and self.teacher.model_copy(update={"epochs": self.teacher.epochs and 1}),
            }
        )

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
                raise ValueError(f"{where}needs either epochs or steps, as in epochs: 4")
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
